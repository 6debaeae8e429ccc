// What a client asks before anything else: what the server can do, and who is in its cluster (it alone, as leader).
import { randomUUID } from 'node:crypto'
import gossip from '@eventstore/db-client/generated/gossip_pb.js'
import features from '@eventstore/db-client/generated/serverfeatures_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js'
import type { handleUnaryCall } from '@grpc/grpc-js'
import type { Context } from './context.js'
import { internal, unavailable } from './refusals.js'

const VERSION = '23.10.6'

/** What a method can do beyond its first version, by its lower-case name. */
const FEATURES: Readonly<Record<string, readonly string[]>> = {
  read: ['position', 'events'],
  batchappend: ['deadline_duration'],
}

export function supportedMethods(context: Context): handleUnaryCall<shared.Empty, features.SupportedMethods> {
  return (_call, callback) => {
    if (context.faults.strike('unavailable')) return callback(unavailable())
    if (context.faults.strike('features-internal')) return callback(internal())
    const methods = Object.values(StreamsService).map(({ path }: { readonly path: string }) => {
      const [, service = '', method = ''] = path.toLowerCase().split('/')
      return new features.SupportedMethod()
        .setServiceName(service)
        .setMethodName(method)
        .setFeaturesList([...(FEATURES[method] ?? [])])
    })
    callback(
      null,
      new features.SupportedMethods().setMethodsList(methods).setEventStoreServerVersion(VERSION),
    )
  }
}

export function clusterInfo(context: Context): handleUnaryCall<shared.Empty, gossip.ClusterInfo> {
  const instance = new shared.UUID().setString(randomUUID())
  return (_call, callback) => {
    if (context.faults.strike('unavailable')) return callback(unavailable())
    const self = new gossip.MemberInfo()
      .setInstanceId(instance)
      .setTimeStamp(String(Date.now() * 10_000))
      .setState(gossip.MemberInfo.VNodeState.LEADER)
      .setIsAlive(true)
      .setHttpEndPoint(new gossip.EndPoint().setAddress(context.host).setPort(context.port()))
    callback(null, new gossip.ClusterInfo().setMembersList([self]))
  }
}
