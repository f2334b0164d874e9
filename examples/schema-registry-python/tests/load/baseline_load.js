// The everyday load.
//   API_KEY=… BASE_URL=http://127.0.0.1:8000 k6 run tests/load/baseline_load.js
import { known, oneRequest, thresholds } from './traffic.js';

export const options = { vus: 2, duration: '30s', thresholds };

export const setup = known;
export default oneRequest;
