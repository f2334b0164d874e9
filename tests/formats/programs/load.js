// What k6 runs for the samples: two groups, a custom trend, thresholds of which one is crossed.
import http from 'k6/http';
import { check, group } from 'k6';
import { Trend } from 'k6/metrics';

const encode = new Trend('encode_time', true);
export const options = {
  vus: 2,
  iterations: 20,
  thresholds: { http_req_duration: ['p(95)<5000', 'max<0.0001'], http_req_failed: ['rate<0.9'] },
  summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)'],
};

export default function () {
  group('read', () => {
    const answer = http.get(`${__ENV.TARGET}/items`);
    check(answer, { 'status 200': (r) => r.status === 200 });
    encode.add(answer.timings.duration);
  });
  group('broken', () => http.get(`${__ENV.TARGET}/broken`));
}

export function handleSummary(data) {
  return __ENV.HANDLED ? { [__ENV.HANDLED]: JSON.stringify(data) } : {};
}
