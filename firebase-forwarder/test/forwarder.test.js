// The forwarder without Firebase: what it sends, how it signs, and what it does when the gateway does not take it.
// The same with the real emulators is a behaviour test of the gateway (tests/peers). Run with `npm test`.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Webhook } = require('standardwebhooks');
const { cloudEventBody, legacyBody } = require('../lib/body');
const { deliver } = require('../lib/deliver');

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const URL_HTTPS = 'https://gateway.example.com/webhooks/firebase/portal';
const HOUR_MS = 3_600_000;

const account = {
  uid: 'uid-1',
  email: 'canary@example.com',
  displayName: 'Canary Name',
  phoneNumber: '+15550100',
  customClaims: { role: 'canary' },
  providerData: [{ uid: 'canary@example.com', providerId: 'password' }],
};
const context = {
  eventId: 'event-1',
  eventType: 'google.firebase.auth.user.delete',
  resource: { service: 'firebaseauth.googleapis.com', name: 'projects/demo' },
  timestamp: '2026-01-02T03:04:05.000Z',
};
const cloudEvent = {
  specversion: '1.0',
  id: 'event-2',
  source: '//identitytoolkit.googleapis.com/projects/demo',
  type: 'google.firebase.auth.user.v2.deleted',
  subject: 'users/uid-1',
  time: '2026-01-02T03:04:05.000Z',
  tenantId: 'tenant-1',
  data: account,
};

function answering(status) {
  const requests = [];
  const post = async (url, request) => {
    requests.push({ url, ...request });
    return new Response(null, { status });
  };
  return { requests, post };
}

function delivery(post, more = {}) {
  return { url: URL_HTTPS, secret: SECRET, keepTryingMs: HOUR_MS, post, ...more };
}

test('a 1st gen body says which account and nothing about the person', () => {
  const body = legacyBody({ ...account, tenantId: 'tenant-1' }, context);
  assert.deepEqual(body, { ...context, data: { uid: 'uid-1', tenantId: 'tenant-1' } });
  assert.doesNotMatch(JSON.stringify(body), /canary|5550100/i);
});

test('a 2nd gen body is a CloudEvent that says which account and nothing about the person', () => {
  const body = cloudEventBody(cloudEvent);
  const { tenantId, ...attributes } = cloudEvent;
  assert.deepEqual(body, { ...attributes, tenantid: tenantId, data: { uid: 'uid-1' } });
  assert.doesNotMatch(JSON.stringify(body), /canary|5550100/i);
});

test('a deletion without data is told by its subject', () => {
  const { data, ...withoutData } = cloudEvent;
  assert.deepEqual(cloudEventBody(withoutData).data, { uid: 'uid-1' });
});

test('an event about nobody is an error and not a delivery', () => {
  assert.throws(() => legacyBody({}, context), /no uid/);
  assert.throws(() => cloudEventBody({ ...cloudEvent, data: undefined, subject: 'projects/demo' }), /no uid/);
});

test('a delivery verifies with the reference library', async () => {
  const { requests, post } = answering(204);
  await deliver(legacyBody(account, context), delivery(post));
  assert.equal(requests.length, 1);
  assert.equal(requests[0].url, URL_HTTPS);
  assert.equal(requests[0].redirect, 'manual');
  assert.equal(requests[0].headers['webhook-id'], 'event-1');
  assert.equal(new Webhook(SECRET).verify(requests[0].body, requests[0].headers).data.uid, 'uid-1');
});

test('an id with a dot is digested, the same way every time', async () => {
  const { requests, post } = answering(204);
  const body = legacyBody(account, { ...context, eventId: 'a.b' });
  await deliver(body, delivery(post));
  await deliver(body, delivery(post));
  assert.match(requests[0].headers['webhook-id'], /^[0-9a-f]{64}$/);
  assert.equal(requests[0].headers['webhook-id'], requests[1].headers['webhook-id']);
});

for (const status of [301, 400, 401, 410, 429, 503]) {
  test(`an answer of ${status} makes Google repeat the run`, async () => {
    const { post } = answering(status);
    const now = () => new Date(Date.parse(context.timestamp) + HOUR_MS - 1);
    await assert.rejects(
      deliver(legacyBody(account, context), delivery(post, { now })),
      new RegExp(`answered ${status}`),
    );
  });
}

test('no answer at all makes Google repeat the run, and the error names no account', async () => {
  const post = async () => {
    throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } });
  };
  const now = () => new Date(Date.parse(context.timestamp));
  await assert.rejects(deliver(legacyBody(account, context), delivery(post, { now })), (error) => {
    assert.match(error.message, /ECONNREFUSED/);
    assert.doesNotMatch(error.message, /uid-1|canary/i);
    return true;
  });
});

test('an event that is too old is tried once more, and its loss is logged without the account', async (t) => {
  const { requests, post } = answering(503);
  const log = t.mock.method(console, 'error', () => undefined);
  const now = () => new Date(Date.parse(context.timestamp) + HOUR_MS + 1);
  await deliver(legacyBody(account, context), delivery(post, { now }));
  assert.equal(requests.length, 1);
  const line = String(log.mock.calls[0].arguments[0]);
  assert.match(line, /event-1.*503/);
  assert.doesNotMatch(line, /uid-1|canary/i);
});

test('an address without TLS is refused before anything is sent', async () => {
  const { requests, post } = answering(204);
  const now = () => new Date(Date.parse(context.timestamp));
  const body = legacyBody(account, context);
  await assert.rejects(deliver(body, delivery(post, { now, url: 'http://gateway.example.com/' })), /must be https/);
  await assert.rejects(deliver(body, delivery(post, { now, url: '' })), /not an address/);
  assert.equal(requests.length, 0);
});

function exportsWith(generation) {
  process.env.GCLOUD_PROJECT = 'demo-milestone';
  process.env.FORWARDER_GENERATION = generation;
  delete require.cache[require.resolve('../index')];
  return require('../index');
}

test('the switch chooses the generation, and every function asks to be repeated', () => {
  assert.deepEqual(Object.keys(exportsWith('1')), ['accountCreatedV1', 'accountDeletedV1']);
  assert.deepEqual(Object.keys(exportsWith('2')), ['accountCreatedV2', 'accountDeletedV2']);
  const both = exportsWith('both');
  assert.equal(Object.keys(both).length, 4);
  for (const [name, exported] of Object.entries(both)) assert.equal(exported.__endpoint.eventTrigger.retry, true, name);
  assert.throws(() => exportsWith('3'), /may be 1, 2 or both/);
});
