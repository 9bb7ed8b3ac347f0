export type WebhookEventType = string
export interface WebhookEvent { readonly type: string }
