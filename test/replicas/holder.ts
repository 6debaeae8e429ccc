// A process that takes a lock, says so, and says when it has lost it.
import { AdvisoryLock } from '../../apps/registry/src/replicas/advisory-lock.js'

const [url = '', name = ''] = process.argv.slice(2)
const lock = await AdvisoryLock.take(url, name, new AbortController().signal)
lock?.lost.addEventListener('abort', () => process.send?.('lost'))
process.send?.('holds')
process.on('disconnect', () => process.exit())
