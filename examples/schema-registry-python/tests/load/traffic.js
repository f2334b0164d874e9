// The registry's traffic: 60 % retrieval, 20 % validation, 15 % registration, 5 % compatibility checks.
// Which request an iteration makes follows from SEED and its number, so that the same run can be made again.
import http from 'k6/http';
import { check } from 'k6';
import exec from 'k6/execution';

const BASE_URL = __ENV.BASE_URL || 'http://127.0.0.1:8000';
const SEED = Number(__ENV.SEED || 1);
const HEADERS = { 'X-API-Key': __ENV.API_KEY || '', 'Content-Type': 'application/json' };

export const thresholds = {
  'http_req_duration{kind:read}': ['p(95)<10'],
  'http_req_duration{kind:write}': ['p(95)<100'],
  http_req_failed: ['rate<0.01'],
};

// What the registry knows at the start; all that is registered later is of it, so that the registry does not grow.
export function known() {
  return get('/subjects', '/subjects')
    .json()
    .map(({ subject, id }) => ({ subject, id, schema: get(`/schemas/${id}`, '/schemas/{id}').json('schema') }));
}

export function oneRequest(subjects) {
  const draw = numbers(SEED * 1000003 + exec.scenario.iterationInTest);
  const { subject, id, schema } = subjects[Math.floor(draw() * subjects.length)];
  const kind = draw() * 100;
  let response;
  if (kind < 40) response = get(`/schemas/${id}`, '/schemas/{id}');
  else if (kind < 60) response = get(`/subjects/${subject}/versions/latest`, '/subjects/{subject}/versions/{version}');
  else if (kind < 80) response = post(`/validate/${id}`, '/validate/{id}', documentOf(subject, draw), 'read');
  else if (kind < 95) response = post(`/schemas/${subject}`, '/schemas/{subject}', schema, 'write');
  else response = post(`/compatibility/${subject}`, '/compatibility/{subject}', stricter(schema), 'read');
  check(response, { 'answered 200': (r) => r.status === 200 });
}

function get(path, name) {
  return http.get(BASE_URL + path, { headers: HEADERS, tags: { name, kind: 'read' } });
}

function post(path, name, body, kind) {
  return http.post(BASE_URL + path, JSON.stringify(body), { headers: HEADERS, tags: { name, kind } });
}

function documentOf(subject, draw) {
  const amount = () => ({ currency: 'EUR', minor: Math.floor(draw() * 1000000) });
  const party = (name) => ({
    name,
    email: 'someone@example.org',
    address: { street: `${1 + Math.floor(draw() * 200)} High Street`, city: 'York', country: 'GB' },
  });
  const lines = [{ sku: 'ABC-00042', quantity: 1 + Math.floor(draw() * 20), price: amount() }];
  const document = {
    id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8',
    kind: subject,
    date: '2024-05-17',
    state: 'paid',
    seller: party('Ada Byron'),
    buyer: party('Emmy Noether'),
    lines,
    total: amount(),
    labels: ['gift'],
  };
  if (draw() < 0.25) document.total.currency = 'doubloons';
  return document;
}

function stricter(schema) {
  return { ...schema, required: [...schema.required, 'labels'] };
}

// mulberry32: small, and good enough to choose requests
function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
