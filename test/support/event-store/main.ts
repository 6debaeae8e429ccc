// The stand-in's process: the gRPC server, and the channel over which tests make things go wrong. It ends with its parent.
// It exists so that the real client of EventStoreDB is tested where no EventStoreDB is; it is no product.
// Arguments: the log's file, the port (0: a free one), what a too slow subscriber gets.
import { createServer, type Socket } from 'node:net'
import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb.js'
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js'
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { append } from './append.js'
import { batchAppend } from './batch-append.js'
import { clusterInfo, supportedMethods } from './cluster.js'
import type { Context } from './context.js'
import type { FromStandIn, ToStandIn } from './control.js'
import { softDelete, tombstone } from './delete.js'
import { Faults, type SuddenFault } from './faults.js'
import { KEEP_ALIVE_MS, MAX_CALLS_PER_CONNECTION, MAX_MESSAGE_BYTES } from './limits.js'
import { read } from './read.js'
import { Store } from './store.js'
import { type Slow, Subscriptions } from './subscribe.js'

const HOST = '127.0.0.1'
const [file = '', wantedPort = '0', slow = 'abort'] = process.argv.slice(2)

const store = await Store.open(file)
const context: Context = {
  store,
  faults: new Faults((fault) => say({ type: 'struck', fault })),
  subscriptions: new Subscriptions(store, slow as Slow),
  host: HOST,
  port,
}

const grpc = new Server({
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_concurrent_streams': MAX_CALLS_PER_CONNECTION,
  'grpc.keepalive_time_ms': KEEP_ALIVE_MS,
  'grpc.keepalive_timeout_ms': KEEP_ALIVE_MS,
})
grpc.addService(ServerFeaturesService, { getSupportedMethods: supportedMethods(context) })
grpc.addService(GossipService, { read: clusterInfo(context) })
grpc.addService(StreamsService, {
  read: read(context),
  append: append(context),
  batchAppend: batchAppend(context),
  delete: softDelete(context),
  tombstone: tombstone(context),
})

// The sockets are ours, to be cut when a test says so.
const sockets = new Set<Socket>()
const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
const server = createServer({ noDelay: true }, (socket) => {
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket))
  socket.on('error', () => undefined)
  injector.injectConnection(socket)
})

const sudden: Readonly<Record<SuddenFault, () => void>> = {
  'end-subscriptions': () => context.subscriptions.end(),
  'abort-subscriptions': () => context.subscriptions.abort(),
  'silence-subscriptions': () => context.subscriptions.silence(),
  'kill-sockets': () => {
    for (const socket of sockets) socket.resetAndDestroy()
  },
}

process.on('message', (message: ToStandIn) => {
  if (message.type === 'set') context.faults.put(message.fault, message.options)
  else if (message.type === 'take-back') context.faults.takeBack(message.fault)
  else sudden[message.fault]()
  say({ type: 'done', id: message.id })
})
process.on('disconnect', () => process.exit())

server.listen(Number(wantedPort), HOST, () => say({ type: 'ready', port: port() }))

function port(): number {
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

function say(message: FromStandIn): void {
  process.send?.(message)
}
