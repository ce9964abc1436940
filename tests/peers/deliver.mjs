// Makes one delivery with a package that other people wrote, and posts it: so the gateway's verification is held
// against somebody else's signatures, and not only against our own reading of the specifications.
//
//   node deliver.mjs KIND < parameters.json
//
//   KIND                     made by             parameters beside `url` and `headers`
//   standardwebhooks         standardwebhooks    secret, body; id, timestamp (unix seconds)
//   cloudevents-binary       cloudevents         event
//   cloudevents-structured   cloudevents         event
//   cloudevents-batch        cloudevents         events (the package writes single ones; the list around them is ours)
//   atlassian-jwt            atlassian-jwt       secret, or private_key and key_id; claims, body, method, base_url,
//                                                place (header or query)
//
// `body` is text, sent as it is, or JSON, which is serialised first. `headers` are added last and so may replace any
// header. `secret` with a cloudevents kind signs the request by Standard Webhooks too. Prints one line of JSON on
// standard output: {"status": 204, "headers": {…}, "body": "…", "request": {"headers": {…}, "body": "…"}}. Exits 0 when
// there was an answer, whatever its status; 1 when there was none; 2 when the parameters are wrong.

import { randomUUID } from 'node:crypto';
import { text as readAll } from 'node:stream/consumers';
import atlassianJwt from 'atlassian-jwt';
import { CloudEvent, HTTP } from 'cloudevents';
import { Webhook } from 'standardwebhooks';

const ANSWER_WITHIN_MS = 30_000;
// Atlassian's own tokens live about three minutes.
const TOKEN_LIVES_SECONDS = 180;

const KINDS = {
  standardwebhooks: ({ secret, body, id, timestamp }) => {
    const text = textOf(need(body, 'body'));
    return { headers: { 'content-type': 'application/json', ...signed(secret, text, id, timestamp) }, body: text };
  },
  'cloudevents-binary': ({ event, ...more }) => cloudEvent(HTTP.binary(made(event)), event, more),
  'cloudevents-structured': ({ event, ...more }) => cloudEvent(HTTP.structured(made(event)), event, more),
  'cloudevents-batch': ({ events, ...more }) => {
    const body = `[${need(events, 'events')
      .map((event) => HTTP.structured(made(event)).body)
      .join(',')}]`;
    const message = { headers: { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' }, body };
    return cloudEvent(message, events[0] ?? {}, more);
  },
  'atlassian-jwt': connectRequest,
};

function made(event) {
  return new CloudEvent(need(event, 'event'));
}

function cloudEvent({ headers, body }, event, { secret, timestamp }) {
  const text = body === undefined ? '' : textOf(body);
  return { headers: { ...headers, ...(secret ? signed(secret, text, event.id, timestamp) : {}) }, body: text };
}

function signed(secret, text, id = randomUUID(), timestamp = Math.floor(Date.now() / 1000)) {
  const signature = new Webhook(need(secret, 'secret')).sign(id, new Date(timestamp * 1000), text);
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
}

// A Connect request: a token over method, path and query, by the tenant's shared secret or by Atlassian's install key.
function connectRequest({
  url,
  method = 'POST',
  base_url,
  secret,
  private_key,
  key_id,
  claims = {},
  body,
  place = 'header',
}) {
  const target = new URL(need(url, 'url'));
  const request = atlassianJwt.fromMethodAndUrl(method, `${target.pathname}${target.search}`);
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    iat: now,
    exp: now + TOKEN_LIVES_SECONDS,
    qsh: atlassianJwt.createQueryStringHash(request, false, base_url),
    ...claims,
  };
  const token = private_key
    ? atlassianJwt.encodeAsymmetric(payload, private_key, 'RS256', { kid: need(key_id, 'key_id') })
    : atlassianJwt.encodeSymmetric(payload, need(secret, 'secret'), 'HS256');
  const headers = { 'content-type': 'application/json' };
  if (place === 'query') target.searchParams.set('jwt', token);
  else headers.authorization = `JWT ${token}`;
  return { url: target.href, method, headers, body: body === undefined ? undefined : textOf(body) };
}

function textOf(body) {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

class WrongParameters extends Error {}

function need(value, name) {
  if (value === undefined || value === null || value === '') throw new WrongParameters(`${name} is missing`);
  return value;
}

async function main() {
  const [kind, ...rest] = process.argv.slice(2);
  let parameters;
  let request;
  try {
    const make = KINDS[kind];
    if (make === undefined || rest.length) throw new WrongParameters(`name one of: ${Object.keys(KINDS).join(', ')}`);
    parameters = JSON.parse(await readAll(process.stdin));
    need(parameters.url, 'url');
    request = make(parameters);
  } catch (error) {
    console.error(`deliver: ${error.message}`);
    return 2;
  }
  const headers = new Headers(request.headers);
  for (const [name, value] of Object.entries(parameters.headers ?? {})) {
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  let answer;
  try {
    answer = await fetch(request.url ?? parameters.url, {
      method: request.method ?? 'POST',
      headers,
      body: request.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch (error) {
    console.error(`deliver: no answer: ${error.cause?.code ?? error.message}`);
    return 1;
  }
  const sent = { headers: Object.fromEntries(headers), body: request.body ?? '' };
  const result = {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    body: await answer.text(),
    request: sent,
  };
  console.log(JSON.stringify(result));
  return 0;
}

process.exitCode = await main();
