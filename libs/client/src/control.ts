// What the registry asks of one instance of a runner: to make its reports again, because some did not arrive.
import type { NatsConnection } from '@nats-io/transport-node'
import { isObject, readJson } from './value.js'

const FORMAT = 1

/** Calls `onReport` each time this instance is asked to; another instance's, and what is unknown, is passed over. */
export function onControl(
  nc: NatsConnection,
  { subject, instance }: { readonly subject: string; readonly instance: string },
  onReport: () => void,
): void {
  nc.subscribe(subject, {
    callback: (error, msg) => {
      const asked = error ? undefined : readJson(msg.data)
      if (!isObject(asked) || asked.v !== FORMAT || asked.instance !== instance) return
      if (asked.do === 'report') onReport()
    },
  })
}
