/** What simulated emails are made of: names, subjects, bounces, user agents. Addresses lie under domains that RFC 2606 reserves. */
import type { Random } from './random.ts'

const names = [
  'ada.lovelace',
  'Grace.Hopper',
  'alan.turing',
  'Katherine.Johnson',
  'edsger.dijkstra',
  'barbara.liskov',
  'Radia.Perlman',
  'donald.knuth',
  'hedy.lamarr',
  'ken',
] as const

const domains = ['example.com', 'example.org', 'example.net', 'mail.example.com', 'Example.ORG'] as const

const subjects = [
  'Your sign-in code',
  'Your receipt no. 4711',
  'Grüße aus München: Ihre Buchung',
  'ご注文ありがとうございます',
  'Привет! Новости недели',
  'مرحبا، هذه فاتورتك',
  'Ça y est : votre commande est partie',
  '🎉 Two for one – today only',
  'Re: "quotes", <brackets> & a \\ backslash',
] as const

/** RFC 3463 codes with what servers commonly say. None of the soft ones has a code of class 5 but a full mailbox. */
export const hardBounces = [
  { code: '5.1.1', message: 'smtp; 550 5.1.1 The account does not exist' },
  { code: '5.1.2', message: 'smtp; 550 5.1.2 Bad destination system' },
  { code: '5.7.1', message: 'smtp; 554 5.7.1 Refused by policy' },
] as const

export const softBounces = [
  { code: '4.2.2', message: 'smtp; 452 4.2.2 The mailbox is full' },
  { code: '4.4.1', message: 'smtp; 421 4.4.1 No answer from host' },
  { code: '4.7.0', message: 'smtp; 451 4.7.0 Greylisted – try again later' },
] as const

const people = [
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0',
] as const

const imageProxies = [
  'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)',
  'YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html',
  'Mozilla/5.0',
] as const

const linkScanners = ['Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)', 'SecurityScanner/2.1'] as const

/** Addresses that no other email of any run has; some with capital letters, as people write them. */
export function addressesFor(key: string, count: number, random: Random): string[] {
  return Array.from({ length: count }, (_, nth) => `${random.pick(names)}+${key}-${nth}@${random.pick(domains)}`)
}

export const drawSubject = (random: Random): string => random.pick(subjects)

export const linkIn = (random: Random): string => `https://example.com/offers/${random.between(100, 999)}?from=mail`

export interface DrawnEngagement {
  readonly type: 'opened' | 'clicked'
  readonly userAgent: string
  readonly byMachine: boolean
  readonly url: string | null
}

/** Of the emails that anything happens to: nearly all are opened, a quarter is clicked, some of those without images. */
export function drawEngagements(url: string, random: Random): DrawnEngagement[] {
  const isClicked = random.chance(0.25)
  const opens = isClicked && random.chance(0.2) ? 0 : random.between(1, 3)
  const clicks = isClicked ? random.between(1, 2) : 0
  return [
    ...Array.from({ length: opens }, () => drawnOpen(random)),
    ...Array.from({ length: clicks }, () => drawnClick(url, random)),
  ]
}

function drawnOpen(random: Random): DrawnEngagement {
  const byMachine = random.chance(0.3)
  return { type: 'opened', userAgent: random.pick(byMachine ? imageProxies : people), byMachine, url: null }
}

function drawnClick(url: string, random: Random): DrawnEngagement {
  const byMachine = random.chance(0.15)
  return { type: 'clicked', userAgent: random.pick(byMachine ? linkScanners : people), byMachine, url }
}
