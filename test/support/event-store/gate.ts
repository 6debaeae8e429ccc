// What can refuse any call before it is looked at.
import type { Metadata } from '@grpc/grpc-js'
import type { Context } from './context.js'
import { notLeader, type Refusal, unavailable } from './refusals.js'

export function refused(context: Context, metadata: Metadata, kind: 'append' | 'other'): Refusal | undefined {
  const { faults, host, port } = context
  if (faults.strike('unavailable')) return unavailable()
  if (kind === 'other' && metadata.get('requires-leader')[0] !== 'true') return undefined
  const elsewhere = faults.strike('not-leader')
  if (!elsewhere) return undefined
  const leader = elsewhere.leader ?? { host, port: port() }
  return notLeader(leader.host, leader.port)
}
