// The real nats-server that the tests talk to: the very one that `npm start` runs.
export {
  MAX_PAYLOAD_BYTES,
  type NatsServer,
  type NatsServerOptions,
  PortTaken,
  startNatsServer,
} from '../../apps/local/src/nats-server.js'
