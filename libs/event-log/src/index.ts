// The log: a port, and the adapters behind it.
export { LogLocked, openEmbeddedLog } from './embedded.js'
export * from './log.js'
