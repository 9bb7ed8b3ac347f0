/** A sender of Standard Webhooks whose bodies look like AISend's. */
export { aisendFormat as standardWebhooksFormat } from '../aisend/sample.ts'
