// More users than usual, coming and going.
//   API_KEY=… BASE_URL=http://127.0.0.1:8000 k6 run tests/load/stress_test.js
import { known, oneRequest, thresholds } from './traffic.js';

export const options = {
  thresholds,
  scenarios: {
    stress: {
      executor: 'ramping-vus',
      stages: [
        { duration: '10s', target: 8 },
        { duration: '30s', target: 8 },
        { duration: '10s', target: 0 },
      ],
    },
  },
};

export const setup = known;
export default oneRequest;
