// Elastic's mock of an OTLP collector on free ports of loopback: first its two addresses, then one line of JSON for each
// request that it received.
const {MockOtlpServer} = require('@elastic/mockotlpserver');
const {jsonStringifyTrace, jsonStringifyMetrics} = require('@elastic/mockotlpserver/lib/normalize');

const say = (kind, text) => process.stdout.write(`${kind} ${text}\n`);
const options = {normAttributes: true};
const server = new MockOtlpServer({
  services: ['http', 'grpc'],
  httpHostname: '127.0.0.1',
  httpPort: 0,
  grpcHostname: '127.0.0.1',
  grpcPort: 0,
  logLevel: 'fatal',
  onTrace: (trace) => say('trace', jsonStringifyTrace(trace, options)),
  onMetrics: (metrics) => say('metrics', jsonStringifyMetrics(metrics, options)),
});
server.start().then(() => say('listening', JSON.stringify({http: server.httpUrl, grpc: server.grpcUrl})));
