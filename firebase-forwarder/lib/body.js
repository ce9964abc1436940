// What is said about an account, and nothing more: which one, in which project and tenant, what happened, when, and
// under which event id. No address, no name, no phone number, no claims: the gateway needs none of them, so they stay
// at Google.

/** 1st gen: the fields of Google's background events. */
function legacyBody(account, context) {
  const data = { uid: required(account.uid, 'uid') };
  if (account.tenantId) data.tenantId = account.tenantId;
  return {
    eventId: required(context.eventId, 'eventId'),
    eventType: context.eventType,
    resource: context.resource,
    timestamp: context.timestamp,
    data,
  };
}

/** 2nd gen: a CloudEvent 1.0 in JSON; `tenantid` is Google's extension attribute for it. */
function cloudEventBody(event) {
  // A deletion may come without data; its subject always names the account.
  const uid = event.data?.uid || uidOfSubject(event.subject);
  const body = {
    specversion: '1.0',
    id: required(event.id, 'id'),
    source: event.source,
    type: event.type,
    subject: `users/${required(uid, 'uid')}`,
    time: event.time,
  };
  if (event.tenantId) body.tenantid = event.tenantId;
  body.data = { uid };
  return body;
}

function uidOfSubject(subject) {
  return typeof subject === 'string' && subject.startsWith('users/') ? subject.slice('users/'.length) : undefined;
}

function required(value, name) {
  if (typeof value !== 'string' || value === '') throw new Error(`the event has no ${name}`);
  return value;
}

module.exports = { cloudEventBody, legacyBody };
