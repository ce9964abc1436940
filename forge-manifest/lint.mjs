// Checks a Forge manifest with Atlassian's own schema and validators, and with the gateway's rules (rules.mjs).
//
//   node lint.mjs [FILE]      manifest.yml beside this file by default
//
// Prints every finding as FILE[:LINE]: LEVEL: MESSAGE. Exits 0 when there is no error, 1 when there is one, 2 when the
// check could not be made. Needs no network and no Atlassian account. The addresses and the app's id come from the
// environment as for `forge deploy`; those that are unset get example values, so that the manifest itself can be
// checked anywhere.

import { createRequire } from 'node:module';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findings as ruleFindings } from './rules.mjs';

const EXAMPLES = {
  GATEWAY_URL: 'https://gateway.example.com',
  GATEWAY_URL_EU: 'https://eu.gateway.example.com',
  GATEWAY_URL_US: 'https://us.gateway.example.com',
};

const OLDEST_NODE = 20;

const require = createRequire(import.meta.url);

/** Every finding about the manifest in this file: `{ line, level, message }`, each message once. */
export async function lint(file) {
  for (const [name, value] of Object.entries(EXAMPLES)) process.env[name] ??= value;
  const atlassian = require('@forge/manifest');
  // The package does not export its table of events, so it is read as the file that it is.
  const packageFile = require.resolve('@forge/manifest');
  const eventScopes = require(join(dirname(packageFile), 'mapping/product-event-to-scope-mapping.json'));

  // FULL holds the schema, the modules, the remotes with their regions and the permissions, but not which scope an
  // event needs: the Forge CLI asks that question apart, and so do we.
  const processor = atlassian.ProcessorBuilder.instance().withValidation(atlassian.ValidationTypes.FULL).build();
  const full = await processor.process(file);
  const found = [...(full.errors ?? [])];
  const manifest = full.manifestObject;
  if (manifest?.typedContent) {
    const scopes = await new atlassian.ProductTriggerScopesValidator(eventScopes).validate(manifest);
    found.push(...(scopes.errors ?? []));
  }
  if (!full.success && !found.some((finding) => finding.level === 'error')) {
    found.push({ level: 'error', message: 'Atlassian refuses this manifest without saying why' });
  }
  const content = manifest?.typedContent ?? manifest?.yamlContent;
  if (content) {
    const known = new Set(eventScopes.mapping.map((entry) => entry.productEvent));
    found.push(...ruleFindings(content, known).map((message) => ({ level: 'error', message })));
  }
  const once = new Map(found.map((finding) => [`${finding.line} ${finding.message}`, finding]));
  return [...once.values()].map(({ line, level, message }) => ({ line: line ?? 0, level, message }));
}

async function main() {
  const file = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), 'manifest.yml');
  if (process.argv.length > 3 || file.startsWith('-')) {
    console.error('usage: node lint.mjs [FILE]');
    return 2;
  }
  if (!existsSync(file)) {
    console.error(`${file}: there is no such file`);
    return 2;
  }
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    console.error(
      `the check could not be made: Atlassian's package needs node ${OLDEST_NODE}, this is ${process.version}`,
    );
    return 2;
  }
  let found;
  try {
    found = await lint(file);
  } catch (error) {
    const hint = error.code === 'MODULE_NOT_FOUND' ? ' (run scripts/peers manifest)' : '';
    console.error(`the check could not be made${hint}: ${error.message}`);
    return 2;
  }
  for (const { line, level, message } of found) {
    console.log(`${line > 0 ? `${file}:${line}` : file}: ${level}: ${message}`);
  }
  const errors = found.filter((finding) => finding.level === 'error').length;
  console.log(errors === 0 ? `${file}: no errors` : `${file}: ${errors} errors`);
  return errors === 0 ? 0 : 1;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = await main();
