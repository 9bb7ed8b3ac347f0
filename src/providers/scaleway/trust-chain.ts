/**
 * Whether Scaleway issued a certificate. Its documentation ("Verifying webhook signatures") requires that, since whoever has a bucket at
 * Scaleway could offer a certificate. The authority and its intermediate are those of sns-trust-chain.pem, as symfony/symfony has them in its
 * Scaleway bridge (Resources/sns-trust-chain.pem, which its tests compare with Scaleway's own).
 */
import { X509Certificate } from 'node:crypto'
import type { AdapterDependencies } from '../provider.ts'
import { fetchText } from '../ses/sns.ts'

/** `Scaleway MnQ Root`, valid until June 2032. */
const scalewayRoot = `-----BEGIN CERTIFICATE-----
MIIDKTCCAhGgAwIBAgIUY6AfGz9I3izxKghHlHm1nGZjDH4wDQYJKoZIhvcNAQEL
BQAwHDEaMBgGA1UEAxMRU2NhbGV3YXkgTW5RIFJvb3QwHhcNMjIwNjI4MjMxNDU3
WhcNMzIwNjI1MjMxNTI3WjAcMRowGAYDVQQDExFTY2FsZXdheSBNblEgUm9vdDCC
ASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAMtSiWNtxnmn6xoQ9AV1EGvW
+AZEqKtbttclL1+FYhSbkpVG+ZqYACnAYnLO4ThXxvd/NGIGJhhGnUACcBieVeDa
mW7W0ihGS2hIhNmgF4Krk33YmH0Fv9g7sOLRQtUOdGDII+sC1gFQ62BkPWJE1sD9
+lH5klYACiIEEdQbXbq1WdxExzdteLLoAdQnHlgq2T5p6ExWHF2l47zoWx57GxGW
tpEUR8fNXjvrCaxT8SRGTHYrhdKuURu0wqeLe4ZKo1ZhkT2DmTUC/V44LKs+qHKP
4kP/TRPWPluSLlNCw2EENaAT7YjIYFXRgvhTUQDdDy8NqMlPlsyR91jWfgLOOSEC
AwEAAaNjMGEwDgYDVR0PAQH/BAQDAgEGMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0O
BBYEFGDBDigVCoj8/iud9o/2ZG5mH+G3MB8GA1UdIwQYMBaAFGDBDigVCoj8/iud
9o/2ZG5mH+G3MA0GCSqGSIb3DQEBCwUAA4IBAQBrTwDD8/DzPNNUAHZwcqi+XrnP
69Zb1QqLPaISVcSse0if/Qw/AhIV0jNEqhgM6eKRMzNLVjN1iBhMOX13RtF51z3O
GfVE9xIT8Rq8gs0fBCagAkFT1bhC0y679M0JQPWUPYYp21Dku95lV3jBAGRyH4ZP
gwvtCAEjdCNPFl9e5r6lYS0bJ/Ls66Cr/V0yk1EHdIxnhaCGD0q9WpfBmPyGwsLm
EfIUixJUQdqNztel4TzUMw+QpkmiQMFfEpLPFWZePMoIIXv7QR1URRkodwipqGa0
Awagvuiapfu5xxuxAful/bC6HFbVjg1su2IsUQKed/Pnvy2fQTNVlKiDQmhp
-----END CERTIFICATE-----`

/** `Scaleway MnQ`, valid until December 2027. */
const scalewayIntermediate = `-----BEGIN CERTIFICATE-----
MIIDJDCCAgygAwIBAgIUd2nIy8FaDuca2xFkrlrZgkwYDaIwDQYJKoZIhvcNAQEL
BQAwHDEaMBgGA1UEAxMRU2NhbGV3YXkgTW5RIFJvb3QwHhcNMjQxMjA1MTUzNTM3
WhcNMjcxMjA1MTUzNjA3WjAXMRUwEwYDVQQDEwxTY2FsZXdheSBNblEwggEiMA0G
CSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDTroJNvqAuIMgky9rCN8Pocf8UVJN7
095J7poeE+6esiMPwooaoGIhuvEoQJNHRtYdYmRpbrcSFEO8hXCnstWhljGdSumv
NJLMXMa1qxNZPYckah1Pxmu8xkPe9iuoC0yyRPbsRVP6B2nzwO2kjF5rP7XnH7pW
qctIEHiuD1wdKu0TmwFmLV6aqgJ8aYEpLo5RYAk5KyNbW8D2b96D/buYLkjcTp9W
BsU+0/n/GvefG0UKekMykakm3jHP7vtXtO56cxFjUHRRc8HsQObER6dxzKOWRod1
caIkaIK1s7zGJn7c6I+su+Tro91Fk2rCPP4/CzgfDJTp+Nk643hnPW3ZAgMBAAGj
YzBhMA4GA1UdDwEB/wQEAwIBBjAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBTM
tf2g/osLntpPeojyIfWFDEEnSzAfBgNVHSMEGDAWgBRgwQ4oFQqI/P4rnfaP9mRu
Zh/htzANBgkqhkiG9w0BAQsFAAOCAQEAYwuUBAMMT7xZzJRlZ4eRwA5Eqql+GbTp
ePWdwx7Qa5WmRKaFj3nLCNxw6Ng6YWpusQF3M/1Ob8aB0DdRn/GZ8wdkMcO+cCsJ
rBmW7RTTS3Mg0Hh43Wh+7Hzcq5JxMM4gifnaBpOJ/Ksm+roflALkCb1tXX3FF300
LsHgbg6ejB3SjsIpHPye1PSdHTsJqbSrU25UrmZN29RU5qgaC6zd3REKLafmmL4n
Zser1MH2FsZ6QPEuYDSYEIFoywSFx5oeFvp/Y4ta/ipOCvB9G08NY8wIDyPElcoj
cxXjhLhctPUL61xVvym8M5aOlp7uyE0Gynxzh+AoSK5U7ZsuKuuOOw==
-----END CERTIFICATE-----`

export interface TrustChain {
  /** PEM, and trusted. */
  readonly root: string
  /** PEM, issued by {@link root}. Another one is fetched when Scaleway replaces it. */
  readonly intermediate: string
}

export const scalewayTrustChain: TrustChain = { root: scalewayRoot, intermediate: scalewayIntermediate }

/**
 * Whether `certificate` was issued under `chain`, whose intermediate may meanwhile be another one.
 * @param region such as `fr-par`.
 * @throws VerificationUnavailableError when the new intermediate cannot be fetched.
 */
export async function isIssuedByScaleway(
  certificate: X509Certificate,
  region: string,
  chain: TrustChain,
  { fetch, clock }: Pick<AdapterDependencies, 'fetch' | 'clock'>,
): Promise<boolean> {
  const root = new X509Certificate(chain.root)
  const isTrusted = (issuer: X509Certificate): boolean =>
    isIssuedBy(certificate, issuer) &&
    isIssuedBy(issuer, root) &&
    isValidAt(issuer, clock()) &&
    isValidAt(root, clock())
  if (isTrusted(new X509Certificate(chain.intermediate))) return true
  // Both regions' chains are in the bucket of the first one.
  const url = new URL(`https://messaging.s3.fr-par.scw.cloud/${region}/sns/sns-trust-chain.pem`)
  const { status, text } = await fetchText(fetch, url, 'fetching the trust chain', 'Scaleway')
  return status === 200 && certificatesIn(text).some(isTrusted)
}

/** By its names and by its signature. Only an authority may issue. */
const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

const isValidAt = ({ validFrom, validTo }: X509Certificate, now: number): boolean =>
  now >= Date.parse(validFrom) && now <= Date.parse(validTo)

const certificatesIn = (pem: string): X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).flatMap((text) => {
    try {
      return [new X509Certificate(text)]
    } catch {
      return []
    }
  })
