// What the scripts that start somebody else's server have in common: options, free ports, a scratch folder, and an end
// that comes with the end of the test that started them, however that came.

import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';

/** Reads `command --name value --switch`. Ends the process with 2 for anything else. */
export function options([command, ...rest], valued, switches) {
  const flags = {};
  while (rest.length) {
    const name = rest.shift().replace(/^--/, '');
    if (switches.includes(name)) flags[name] = true;
    else if (valued.includes(name) && rest.length) flags[name] = rest.shift();
    else {
      console.error(`there is no option --${name}, or it has no value`);
      process.exit(2);
    }
  }
  return { command, flags };
}

/** One port for each entry: the wanted one, or one that is free now. All are held until the last is found. */
export async function freePorts(wanted) {
  const servers = [];
  const ports = [];
  for (const port of wanted) {
    if (port !== undefined) {
      ports.push(Number(port));
      continue;
    }
    const server = createServer();
    await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    servers.push(server);
    ports.push(server.address().port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Resolves when a stream has said these words. */
export function said(stream, words) {
  return new Promise((resolve) => {
    let heard = '';
    stream.on('data', function listen(chunk) {
      heard = (heard + chunk).slice(-4096);
      if (heard.includes(words)) {
        stream.off('data', listen);
        resolve();
      }
    });
  });
}

/** A scratch folder with a short path: unix sockets are made in it, and their paths may have only about 100 bytes. */
export function shortScratch(prefix) {
  return mkdtempSync(join('/tmp', prefix));
}

/**
 * The words that start `program` so that the kernel sends it a signal when this process dies, even by SIGKILL. Where
 * setpriv is missing (it is part of every Debian), a killed test leaves the server behind, and nothing worse.
 */
export function boundToThisProcess(program, signal) {
  const known = spawnSync('setpriv', ['--pdeathsig', signal, 'true']).status === 0;
  return known ? ['setpriv', '--pdeathsig', signal, program] : [program];
}

/**
 * Stops `child` (the leader of a process group) when standard input closes or a signal asks for it: first kindly, then,
 * after `withinMs`, for good. Ends this process with 0 then, and with 1, after `lastWords`, when the child ended by
 * itself. Calls `cleanUp` in both cases. Returns a function that gives up on the child for a reason of the caller's.
 */
export function stopWithParent(child, { withinMs, lastWords, cleanUp }) {
  const ended = new Promise((resolve) => child.once('close', resolve));
  let stopping = false;
  const stop = async (exitCode) => {
    if (stopping) return;
    stopping = true;
    signal(child.pid, 'SIGINT');
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, withinMs))]);
    // The whole group: what the server has started is not always ended by it.
    signal(-child.pid, 'SIGKILL');
    cleanUp();
    process.exit(exitCode);
  };
  const giveUp = (reason) => {
    if (stopping) return;
    lastWords();
    console.error(`${basename(process.argv[1])}: ${reason}`);
    stop(1);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => stop(0));
  process.stdin
    .on('end', () => stop(0))
    .on('error', () => stop(0))
    .resume();
  ended.then((code) => giveUp(`the server ended with ${code}`));
  return giveUp;
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
