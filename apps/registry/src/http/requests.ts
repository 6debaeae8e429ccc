// Requests that only HTTP has.
import { IsBoolean } from 'class-validator'
import { IsAssistantId } from '../fields.js'

/** What is asked of an assistant as such. */
export class AssistantRequest {
  @IsAssistantId() readonly assistant_id!: string
}

export class DeletionRequest extends AssistantRequest {
  /** For whoever owns threads: there are none here. */
  @IsBoolean({ message: 'delete_threads must be true or false' }) readonly delete_threads: boolean = false
}

export class SubgraphsRequest extends AssistantRequest {
  @IsBoolean({ message: 'recurse must be true or false' }) readonly recurse: boolean = false
}
