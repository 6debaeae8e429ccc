// Requests that only HTTP has.
import { IsBoolean } from 'class-validator'
import { IsAssistantId } from '../fields.js'

/** What is asked of an assistant as such. */
export class AssistantRequest {
  @IsAssistantId() readonly assistant_id!: string
}

export class SubgraphsRequest extends AssistantRequest {
  @IsBoolean({ message: 'recurse must be true or false' }) readonly recurse: boolean = false
}
