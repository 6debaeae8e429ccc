// Proofs over the log, and what is made of it or carried elsewhere.
export {
  type Difference,
  PARTS,
  type Part,
  type PartReport,
  type Place,
  placeOf,
} from './verify/findings.js'
export type { Bus } from './verify/stored.js'
export { CannotVerify, type VerifyOptions, type VerifyReport, verify } from './verify/verify.js'
