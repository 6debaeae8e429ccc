// What the registry asks of one instance of a runner: to make its reports again, because some did not arrive, or to register
// its graphs again, because it has no record of what the presence names.
import type { NatsConnection } from '@nats-io/transport-node'
import { isObject, readJson } from './value.js'

const FORMAT = 1

export interface Asked {
  report(): void
  register(): void
}

/** Does what this instance is asked to; what another's is, and what is unknown, is passed over. */
export function onControl(
  nc: NatsConnection,
  { subject, instance }: { readonly subject: string; readonly instance: string },
  asked: Asked,
): void {
  nc.subscribe(subject, {
    callback: (error, msg) => {
      const said = error ? undefined : readJson(msg.data)
      if (!isObject(said) || said.v !== FORMAT || said.instance !== instance) return
      if (said.do === 'report') asked.report()
      if (said.do === 'register') asked.register()
    },
  })
}
