/** Which opens and clicks a person likely made. */

/**
 * User agents of machines that fetch what an email links to. Sources: Google's image proxy names itself
 * `GoogleImageProxy` (support.google.com/mail/answer/145919), Yahoo's `YahooMailProxy`; Apple's Mail Privacy Protection
 * sends the bare `Mozilla/5.0`; the rest call themselves bot, crawler, scanner or preview.
 */
const machineUserAgent =
  /googleimageproxy|yahoomailproxy|^mozilla\/5\.0$|\b\w*(bot|crawler|spider|scanner|preview|prefetch)\b|headlesschrome|python-requests|^curl\//i

/** Whether an open or click with this user agent was likely made by a person; true when none is known. */
export const isLikelyHuman = (userAgent: string | null): boolean =>
  userAgent === null || !machineUserAgent.test(userAgent.trim())
