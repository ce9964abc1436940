// The check itself is checked: the shipped manifest passes, and each mistake that would lose events is refused.
// Run it with `node --test`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lint } from './lint.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const shipped = readFileSync(join(here, 'manifest.yml'), 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'manifest-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

async function errorsOf(text) {
  const file = join(scratch, 'manifest.yml');
  writeFileSync(file, text);
  return (await lint(file)).filter((finding) => finding.level === 'error').map((finding) => finding.message);
}

test('the shipped manifest has no findings at all', async () => {
  assert.deepEqual(await lint(join(here, 'manifest.yml')), []);
});

const SECOND_REMOTE = `remotes:
  - key: second
    baseUrl:
      default: https://second.example.com
    operations: [storage]
    storage:
      inScopeEUD: true
`;

// What is wrong, the text that is replaced, its replacement, and what the finding must say.
const MISTAKES = [
  ['an event that Atlassian never promised', 'avi:forge:upgraded:app', 'avi:forge:uninstalled:app', /never promised/],
  ['a misspelt event', 'avi:jira:deleted:user', 'avi:jira:removed:user', /removed:user, which Atlassian does not list/],
  ['a module key of our own making', 'key: gateway-heartbeat', 'key: heart', /heart is a key that the gateway/],
  ['a module that is missing', /  preUninstall:\n.*\n.*\n/, '', /preUninstall gateway-pre-uninstall is missing/],
  ['a path that the gateway does not serve', 'milestone/lifecycle', 'other/lifecycle', /the gateway serves/],
  ['an endpoint that does not exist', 'endpoint: heartbeat', 'endpoint: nowhere', /nowhere, which is not defined/],
  ['an interval that does not exist', 'interval: hour', 'interval: minute', /allowed values are/],
  ['a scope that an event needs', '    - read:jira-user\n', '', /read:jira-user/],
  [
    'a scope that nothing needs',
    '- read:jira-work',
    '- read:jira-work\n    - write:jira-work',
    /more than the gateway uses/,
  ],
  ['regions that differ between remotes', 'remotes:\n', SECOND_REMOTE, /region/i],
  ['storage that is not declared', 'inScopeEUD: true', 'inScopeEUD: false', /end-user data/],
  ['an address with a path', 'default: ${GATEWAY_URL}', 'default: ${GATEWAY_URL}/hooks', /without a path/],
  ['an address without TLS', 'default: ${GATEWAY_URL}', 'default: http://gateway.example.com', /must be https/],
  [
    'a filter that can drop events',
    'endpoint: events\n',
    'endpoint: events\n      filter: {ignoreSelf: true}\n',
    /filter/,
  ],
];

for (const [what, from, to, says] of MISTAKES) {
  test(`${what} is refused`, async () => {
    const broken = shipped.replace(from, () => to);
    assert.notEqual(broken, shipped, 'the mistake was not made');
    const errors = await errorsOf(broken);
    assert.ok(
      errors.some((message) => says.test(message)),
      `none of these says it:\n${errors.join('\n')}`,
    );
  });
}

test('the command exits with 1 for a broken manifest and names every mistake', () => {
  const run = spawnSync(process.execPath, [join(here, 'lint.mjs'), join(here, 'fixtures/broken.yml')], {
    encoding: 'utf8',
  });
  assert.equal(run.status, 1, run.stderr);
  for (const says of [
    /never promised/,
    /allowed values/,
    /a key that the gateway does not know/,
    /other\/pre-uninstall/,
    /jira-user/,
  ]) {
    assert.match(run.stdout, says);
  }
});

test('the command exits with 2 when there is nothing to check', () => {
  const run = spawnSync(process.execPath, [join(here, 'lint.mjs'), join(scratch, 'absent.yml')], { encoding: 'utf8' });
  assert.equal(run.status, 2);
});
