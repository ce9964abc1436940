// Firebase's own Auth and Functions emulators, with our forwarder (firebase-forwarder/) deployed in them: an account
// that is created or deleted there becomes a signed delivery to the gateway, all on this machine and without the
// network.
//
//   node auth-emulator.mjs start [--auth-port N] [--functions-port N] [--generation 1|2|both] [--timeout-seconds N]
//
//   GATEWAY_TARGET_URL       where the forwarder delivers
//   GATEWAY_WEBHOOK_SECRET   what it signs with (whsec_…)
//
// Ports that are not named are chosen. Generation 1 is the default, as in the forwarder. Prints one line on standard
// output when ready:
//   READY {"project":"demo-milestone","auth":"127.0.0.1:9099","functions":"127.0.0.1:5001","seconds":12.3}
// or `SKIP: reason` and exits 0 when it cannot run here. Stops when its standard input is closed, on SIGINT and
// SIGTERM, and the emulators stop with it even if it is killed. What the emulators say goes to standard error with
// --verbose, and their last words do when they fail.

import { spawn } from 'node:child_process';
import {
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { boundToThisProcess, freePorts, options, said, shortScratch, stopWithParent } from './peer.mjs';

// `demo-`: no credentials are asked for, and nothing at Google can be reached by mistake.
const PROJECT = 'demo-milestone';
const OLDEST_NODE = 20;
const STOP_WITHIN_MS = 10_000;

const here = dirname(fileURLToPath(import.meta.url));
const forwarder = join(here, '../../firebase-forwarder');
const firebase = join(here, 'node_modules/firebase-tools/lib/bin/firebase.js');

function reasonToSkip() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < OLDEST_NODE) return `firebase-tools needs node ${OLDEST_NODE} or newer, and this is ${process.version}`;
  if (!existsSync(firebase)) return 'firebase-tools is not installed (run scripts/peers)';
  if (!existsSync(join(forwarder, 'node_modules/firebase-functions'))) {
    return 'the packages of firebase-forwarder are not installed (run scripts/peers)';
  }
  return undefined;
}

// A project folder of its own: the emulators read settings and secrets from files beside the functions, and ours has
// none.
function projectFolder(scratch, ports, settings) {
  const functions = join(scratch, 'functions');
  mkdirSync(functions);
  for (const name of ['index.js', 'lib', 'package.json'])
    cpSync(join(forwarder, name), join(functions, name), { recursive: true });
  symlinkSync(join(forwarder, 'node_modules'), join(functions, 'node_modules'));
  const lines = (values) =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
      .join('');
  writeFileSync(join(functions, '.env.local'), lines(settings.plain));
  writeFileSync(join(functions, '.secret.local'), lines(settings.secret), { mode: 0o600 });
  const at = (port) => ({ host: '127.0.0.1', port });
  const config = {
    functions: [{ source: 'functions', codebase: 'default' }],
    emulators: {
      auth: at(ports.auth),
      functions: at(ports.functions),
      eventarc: at(ports.eventarc),
      tasks: at(ports.tasks),
      hub: at(ports.hub),
      logging: at(ports.logging),
      ui: { enabled: false },
      singleProjectMode: true,
    },
  };
  writeFileSync(join(scratch, 'firebase.json'), JSON.stringify(config, undefined, 2));
}

// Little of our own environment: no proxy, no credentials, no settings of a person's Firebase.
function environment(scratch) {
  const home = join(scratch, 'home');
  mkdirSync(home);
  return {
    CI: '1',
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    TMPDIR: scratch,
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? '/usr/bin:/bin'}`,
    LANG: 'C.UTF-8',
    NO_UPDATE_NOTIFIER: '1',
  };
}

async function start(flags) {
  const began = Date.now();
  const target = process.env.GATEWAY_TARGET_URL;
  const secret = process.env.GATEWAY_WEBHOOK_SECRET;
  if (!target || !secret) throw new Error('GATEWAY_TARGET_URL and GATEWAY_WEBHOOK_SECRET must be set');

  const wanted = [flags['auth-port'], flags['functions-port'], undefined, undefined, undefined, undefined];
  const [auth, functions, eventarc, tasks, hub, logging] = await freePorts(wanted);
  const scratch = shortScratch('mg-fb-');
  const generation = flags.generation ?? '1';
  projectFolder(
    scratch,
    { auth, functions, eventarc, tasks, hub, logging },
    {
      plain: { GATEWAY_TARGET_URL: target, FORWARDER_GENERATION: generation },
      secret: { GATEWAY_WEBHOOK_SECRET: secret },
    },
  );

  const [program, ...argumentsBefore] = boundToThisProcess(process.execPath, 'INT');
  const command = `emulators:start --only auth,functions --project ${PROJECT}`.split(' ');
  const child = spawn(program, [...argumentsBefore, firebase, ...command], {
    cwd: scratch,
    env: environment(scratch),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const log = join(scratch, 'emulators.log');
  const keep = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) {
    stream.pipe(keep, { end: false });
    if (flags.verbose) stream.pipe(process.stderr, { end: false });
  }
  const giveUp = stopWithParent(child, {
    withinMs: STOP_WITHIN_MS,
    lastWords: () => process.stderr.write(`${readFileSync(log, 'utf8').split('\n').slice(-40).join('\n')}\n`),
    cleanUp: () => rmSync(scratch, { recursive: true, force: true }),
  });
  const patience = setTimeout(giveUp, Number(flags['timeout-seconds'] ?? 240) * 1000, 'they were not ready in time');

  await said(child.stdout, 'All emulators ready');
  clearTimeout(patience);
  const seconds = Math.round((Date.now() - began) / 100) / 10;
  const ready = { project: PROJECT, auth: `127.0.0.1:${auth}`, functions: `127.0.0.1:${functions}`, seconds };
  process.stdout.write(`READY ${JSON.stringify(ready)}\n`);
}

const { command, flags } = options(
  process.argv.slice(2),
  ['auth-port', 'functions-port', 'generation', 'timeout-seconds'],
  ['verbose'],
);
if (command !== 'start') {
  console.error('usage: node auth-emulator.mjs start [--auth-port N] [--functions-port N] [--generation 1|2|both]');
  process.exit(2);
}
const reason = reasonToSkip();
if (reason) {
  console.log(`SKIP: ${reason}`);
  process.exit(0);
}
start(flags).catch((error) => {
  console.error(`auth-emulator.mjs: ${error.message}`);
  process.exit(1);
});
