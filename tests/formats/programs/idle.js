// A k6 script that makes no HTTP request.
export const options = { vus: 1, iterations: 3 };
export default function () {}
