export { type NatsServer, type NatsServerOptions, PortTaken, startNatsServer } from './nats-server.js'
export { startTcpProxy, type TcpProxy } from './tcp-proxy.js'
