// Thresholds on tags, so that the summary has the latencies of routes.
import http from 'k6/http';
export const options = {thresholds: {
  'http_req_duration{name:GET /items/{id}}': ['p(95)<5000'],
  'http_req_duration{name:/list, method:GET}': ['p(95)<5000'],
  'http_req_duration{status:200}': ['p(95)<5000'],
}};
export default function () {
  http.get(`${__ENV.TARGET}/items/${__ITER}`, {tags: {name: 'GET /items/{id}'}});
  http.get(`${__ENV.TARGET}/list`, {tags: {name: '/list'}});
}
