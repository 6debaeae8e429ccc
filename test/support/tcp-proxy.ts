// The proxy through which the tests cut a client off from NATS: the very one that the start's scene uses.
export { startTcpProxy, type TcpProxy } from '../../apps/local/src/tcp-proxy.js'
