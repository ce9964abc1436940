// The functions that Firebase runs: an account was created or deleted, so the gateway is told.
//
// FORWARDER_GENERATION chooses how Firebase tells us: `1` (Cloud Functions 1st gen, the default), `2` (2nd gen over
// Eventarc, a preview at Google) or `both`, for moving from one to the other: then every account is reported twice,
// under two ids, and the gateway keeps one. FORWARDER_REGION is where they run. Both are read when Firebase looks at
// this file, so a change of them needs a deployment.

const functionsV1 = require('firebase-functions/v1');
const identity = require('firebase-functions/v2/identity');
const { defineSecret, defineString } = require('firebase-functions/params');
const { cloudEventBody, legacyBody } = require('./lib/body');
const { deliver } = require('./lib/deliver');

const gatewayUrl = defineString('GATEWAY_TARGET_URL', {
  description: 'The whole address, for example https://gateway.example.com/webhooks/firebase/portal',
});
const gatewaySecret = defineSecret('GATEWAY_WEBHOOK_SECRET');

const REGION = process.env.FORWARDER_REGION || 'us-central1';
// Enough for a delivery (10 s) and its signature; a run that is cut off counts as failed and is repeated.
const RUN_SECONDS = 30;
// A wave of deletions queues up at Google, which repeats, and not at the gateway, which would refuse.
const INSTANCES_MAX = 10;

const HOUR_MS = 60 * 60 * 1000;
// Google repeats a 1st gen event for seven days and a 2nd gen one for a day, then drops it silently. The last
// hour of that is ours: a failure in it is logged as a loss.
const KEEP_TRYING_MS = { 1: 7 * 24 * HOUR_MS - HOUR_MS, 2: 24 * HOUR_MS - HOUR_MS };

function forward(body, keepTryingMs) {
  // A secret that was set from a file ends with the file's newline, which is no part of it.
  return deliver(body, { url: gatewayUrl.value(), secret: gatewaySecret.value().trim(), keepTryingMs });
}

function firstGeneration() {
  const user = functionsV1
    .region(REGION)
    // Without failurePolicy a delivery that failed once is lost.
    .runWith({
      failurePolicy: true,
      secrets: [gatewaySecret],
      timeoutSeconds: RUN_SECONDS,
      maxInstances: INSTANCES_MAX,
    })
    .auth.user();
  const handle = (account, context) => forward(legacyBody(account, context), KEEP_TRYING_MS[1]);
  return { accountCreatedV1: user.onCreate(handle), accountDeletedV1: user.onDelete(handle) };
}

function secondGeneration() {
  const options = {
    region: REGION,
    // The same as failurePolicy above.
    retry: true,
    secrets: [gatewaySecret],
    timeoutSeconds: RUN_SECONDS,
    maxInstances: INSTANCES_MAX,
  };
  const handle = (event) => forward(cloudEventBody(event), KEEP_TRYING_MS[2]);
  return {
    accountCreatedV2: identity.onUserCreated(options, handle),
    accountDeletedV2: identity.onUserDeleted(options, handle),
  };
}

const generation = process.env.FORWARDER_GENERATION || '1';
switch (generation) {
  case '1':
    Object.assign(exports, firstGeneration());
    break;
  case '2':
    Object.assign(exports, secondGeneration());
    break;
  case 'both':
    Object.assign(exports, firstGeneration(), secondGeneration());
    break;
  default:
    // Deploying nothing would delete the functions that are there.
    throw new Error(`FORWARDER_GENERATION is "${generation}"; it may be 1, 2 or both`);
}
