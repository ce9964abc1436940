// What the gateway and this manifest have promised each other, beyond what Atlassian checks: the gateway's code knows
// the module keys and the paths by heart, so a manifest that says something else deploys well and then loses events.
//
// Pure: takes the manifest as an object (variables filled in), returns sentences about what is wrong.

/** The only module keys; the gateway compares them with a token's `app.module.key`. */
export const MODULE_KEYS = {
  trigger: ['gateway-lifecycle', 'gateway-people-and-time'],
  preUninstall: ['gateway-pre-uninstall'],
  scheduledTrigger: ['gateway-heartbeat'],
};

/** Which endpoint each of the modules calls. */
const ENDPOINT_OF = {
  'gateway-lifecycle': 'lifecycle',
  'gateway-people-and-time': 'events',
  'gateway-pre-uninstall': 'pre-uninstall',
  'gateway-heartbeat': 'heartbeat',
};

/** The gateway's route of each endpoint. `milestone` is the name of the source at the gateway. */
export const PATHS = {
  events: '/webhooks/forge/milestone/events',
  lifecycle: '/webhooks/forge/milestone/lifecycle',
  'pre-uninstall': '/webhooks/forge/milestone/pre-uninstall',
  heartbeat: '/webhooks/forge/milestone/heartbeat',
};

const LIFECYCLE_EVENTS = ['avi:forge:installed:app', 'avi:forge:upgraded:app'];

/** Everything that is asked of an administrator; more would be more than the gateway uses. */
const SCOPES = ['read:app-system-token', 'read:jira-user', 'read:jira-work', 'report:personal-data'];

/**
 * Says what is wrong with a manifest, in sentences; empty when nothing is.
 * `knownEvents` are the names of Atlassian's product events: the schema takes any text for an event.
 */
export function findings(manifest, knownEvents) {
  const modules = manifest?.modules ?? {};
  return [
    ...moduleKeys(modules),
    ...modulesCallTheirEndpoints(modules),
    ...endpointPaths(modules),
    ...events(modules, knownEvents),
    ...remotes(manifest?.remotes ?? []),
    ...scopes(manifest?.permissions?.scopes ?? []),
  ];
}

function moduleKeys(modules) {
  const found = [];
  for (const type of Object.keys(modules)) {
    if (type !== 'endpoint' && !(type in MODULE_KEYS)) found.push(`a module of type ${type} is none of the gateway's`);
  }
  for (const [type, expected] of Object.entries(MODULE_KEYS)) {
    const present = keysOf(modules[type]);
    for (const key of expected) {
      if (!present.includes(key)) found.push(`${type} ${key} is missing`);
    }
    for (const key of present) {
      if (!expected.includes(key)) found.push(`${type} ${key} is a key that the gateway does not know`);
    }
  }
  return found;
}

function modulesCallTheirEndpoints(modules) {
  const defined = keysOf(modules.endpoint);
  const found = [];
  for (const module of Object.keys(MODULE_KEYS).flatMap((type) => list(modules[type]))) {
    const expected = ENDPOINT_OF[module.key];
    if (expected !== undefined && module.endpoint !== expected) {
      found.push(`${module.key} calls the endpoint ${module.endpoint}; it belongs to ${expected}`);
    }
    if (module.endpoint !== undefined && !defined.includes(module.endpoint)) {
      found.push(`${module.key} calls the endpoint ${module.endpoint}, which is not defined`);
    }
  }
  return found;
}

function endpointPaths(modules) {
  const found = [];
  for (const endpoint of list(modules.endpoint)) {
    const expected = PATHS[endpoint.key];
    const path = endpoint.route?.path;
    if (expected === undefined) found.push(`endpoint ${endpoint.key} has no route at the gateway`);
    else if (path !== expected)
      found.push(`endpoint ${endpoint.key} has the path ${path}; the gateway serves ${expected}`);
    if (endpoint.remote !== 'gateway') found.push(`endpoint ${endpoint.key} must call the remote gateway`);
  }
  return found;
}

function events(modules, knownEvents) {
  const found = [];
  for (const trigger of list(modules.trigger)) {
    for (const entry of list(trigger.events)) {
      const event = typeof entry === 'string' ? entry : entry?.eventType;
      if (event === 'avi:forge:uninstalled:app') {
        found.push(`${trigger.key} listens for ${event}, which Atlassian does not document and never promised to send`);
      } else if (!LIFECYCLE_EVENTS.includes(event) && !knownEvents.has(event)) {
        found.push(`${trigger.key} listens for ${event}, which Atlassian does not list`);
      }
    }
    // A filter that fails drops the event by default, and a dropped deletion never comes again.
    if (trigger.filter !== undefined) found.push(`${trigger.key} has a filter; the gateway must see every event`);
  }
  const lifecycle = list(modules.trigger).find((trigger) => trigger.key === 'gateway-lifecycle');
  for (const event of LIFECYCLE_EVENTS) {
    if (lifecycle && !list(lifecycle.events).includes(event))
      found.push(`gateway-lifecycle does not listen for ${event}`);
  }
  return found;
}

function remotes(all) {
  const found = [];
  const regions = (remote) =>
    (typeof remote.baseUrl === 'string' ? ['default'] : Object.keys(remote.baseUrl ?? {})).sort();
  const first = all[0] === undefined ? [] : regions(all[0]);
  for (const remote of all) {
    if (regions(remote).join() !== first.join()) {
      found.push(`remote ${remote.key} has the regions ${regions(remote)}; the first remote has ${first}`);
    }
    if (remote.storage?.inScopeEUD !== true)
      found.push(`remote ${remote.key} must declare that it stores end-user data`);
    const urls = typeof remote.baseUrl === 'string' ? { default: remote.baseUrl } : (remote.baseUrl ?? {});
    for (const [region, url] of Object.entries(urls)) {
      if (!isBareHttpsAddress(url)) {
        found.push(`remote ${remote.key}: the address for ${region} must be https://host, without a path: ${url}`);
      }
    }
  }
  return found;
}

function scopes(declared) {
  const all = Array.isArray(declared) ? declared : Object.keys(declared);
  return [
    ...SCOPES.filter((scope) => !all.includes(scope)).map((scope) => `the scope ${scope} is missing`),
    ...all
      .filter((scope) => !SCOPES.includes(scope))
      .map((scope) => `the scope ${scope} is more than the gateway uses`),
  ];
}

function isBareHttpsAddress(text) {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.protocol === 'https:' && text === url.origin;
}

function list(value) {
  return Array.isArray(value) ? value : [];
}

function keysOf(modules) {
  return list(modules).map((module) => module.key);
}
