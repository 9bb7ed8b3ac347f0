/** The content of simulated emails: addresses, subjects, user agents. All domains are reserved by RFC 2606. */
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

const domains = [
  'example.com',
  'example.org',
  'example.net',
  'Example.ORG',
  'gmail.example.com',
  'outlook.example.net',
  'yahoo.example.org',
] as const

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

const emailClients = [
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

/** Addresses unique to this email and run, some with capital letters. */
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

/** Nearly all are opened and a quarter is clicked; of these, some without an open, as with images turned off. */
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
  return { type: 'opened', userAgent: random.pick(byMachine ? imageProxies : emailClients), byMachine, url: null }
}

function drawnClick(url: string, random: Random): DrawnEngagement {
  const byMachine = random.chance(0.15)
  return { type: 'clicked', userAgent: random.pick(byMachine ? linkScanners : emailClients), byMachine, url }
}
