// Google's own Pub/Sub emulator: a real push sender, with retries and dead letters, on this machine and without the
// network.
//
//   node pubsub-emulator.mjs start [--port N] [--timeout-seconds N]
//
// Finds the jar in PUBSUB_EMULATOR_JAR, else in the Debian package google-cloud-cli-pubsub-emulator (Google's own apt
// source has it; no package registry does), and java on PATH. Prints one line on standard output when ready:
//   READY {"endpoint":"127.0.0.1:8085","version":"0.8.20","seconds":1.4}
// or `SKIP: reason` and exits 0 when it cannot run here. Stops when its standard input is closed, on SIGINT and
// SIGTERM, and the emulator stops with it even if it is killed.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { boundToThisProcess, freePorts, options, shortScratch, stopWithParent } from './peer.mjs';

const STOP_WITHIN_MS = 5_000;

function findJar() {
  const named = process.env.PUBSUB_EMULATOR_JAR;
  if (named) return existsSync(named) ? named : undefined;
  const files = spawnSync('dpkg', ['-L', 'google-cloud-cli-pubsub-emulator'], { encoding: 'utf8' }).stdout ?? '';
  const jar = files.split('\n').find((file) => /\/cloud-pubsub-emulator-.*-all\.jar$/.test(file));
  return jar && existsSync(jar) ? jar : undefined;
}

async function start(jar, flags) {
  const began = Date.now();
  const [port] = await freePorts([flags.port]);
  const scratch = shortScratch('mg-ps-');
  const [program, ...argumentsBefore] = boundToThisProcess('java', 'TERM');
  const child = spawn(program, [...argumentsBefore, '-jar', jar, '--host=127.0.0.1', `--port=${port}`], {
    cwd: scratch,
    env: { PATH: process.env.PATH, HOME: scratch, LANG: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (words = (words + chunk).slice(-4096)));
  const giveUp = stopWithParent(child, {
    withinMs: STOP_WITHIN_MS,
    lastWords: () => process.stderr.write(words),
    cleanUp: () => rmSync(scratch, { recursive: true, force: true }),
  });

  const endpoint = `127.0.0.1:${port}`;
  const patience = Date.now() + Number(flags['timeout-seconds'] ?? 60) * 1000;
  while (!(await answers(`http://${endpoint}/`))) {
    if (Date.now() > patience) return giveUp('it was not ready in time');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const version = /emulator-(.*)-all\.jar$/.exec(jar)?.[1] ?? 'unknown';
  process.stdout.write(
    `READY ${JSON.stringify({ endpoint, version, seconds: Math.round((Date.now() - began) / 100) / 10 })}\n`,
  );
}

async function answers(url) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok;
  } catch {
    return false;
  }
}

const { command, flags } = options(process.argv.slice(2), ['port', 'timeout-seconds'], []);
if (command !== 'start') {
  console.error('usage: node pubsub-emulator.mjs start [--port N] [--timeout-seconds N]');
  process.exit(2);
}
const jar = findJar();
if (!jar)
  console.log(
    'SKIP: the jar of the Pub/Sub emulator is not here (PUBSUB_EMULATOR_JAR, google-cloud-cli-pubsub-emulator)',
  );
else if (spawnSync('java', ['-version']).status !== 0) console.log('SKIP: java is not here');
else {
  start(jar, flags).catch((error) => {
    console.error(`pubsub-emulator.mjs: ${error.message}`);
    process.exit(1);
  });
}
