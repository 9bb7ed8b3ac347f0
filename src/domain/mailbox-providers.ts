/**
 * Mailbox providers: the services that receive email for people and companies, with the domains of their consumer addresses and the
 * hosts that MX records of other domains name. Each names its own page as the source. Security gateways that stand before other
 * mailboxes are among them: they decide what is refused.
 */

interface ProviderFacts {
  /** The name that people know. */
  readonly label: string
  readonly source: string
  /** Domains whose addresses are all its own. */
  readonly domains: readonly string[]
  /** Host names that MX records name. All hosts below such a name are the provider's, and none is a customer's own server. */
  readonly hosts: readonly string[]
}

/** @param domains and hosts are separated by spaces. */
const provider = (label: string, source: string, domains: string, hosts: string): ProviderFacts => ({
  label,
  source,
  domains: domains.split(' ').filter(Boolean),
  hosts: hosts.split(' ').filter(Boolean),
})

/** The domains of one name under several endings: `under('yahoo', 'com fr')` is `yahoo.com yahoo.fr`. */
const under = (name: string, endings: string): string =>
  endings
    .split(' ')
    .map((ending) => `${name}.${ending}`)
    .join(' ')

export const mailboxProviders = {
  gmail: provider(
    'Gmail',
    'support.google.com/a/answer/174125 (MX records of Google Workspace)',
    'gmail.com googlemail.com',
    'google.com googlemail.com',
  ),
  microsoft: provider(
    'Microsoft',
    'learn.microsoft.com/microsoft-365/enterprise/external-domain-name-system-records; postmaster.live.com',
    [
      under(
        'outlook',
        'com at be cl co.id co.il co.nz co.th com.ar com.au com.br com.gr com.hr com.pe com.tr com.vn cz de dk es fr hu ie in it jp kr ' +
          'lv my ph pt sa sg sk',
      ),
      under(
        'hotmail',
        'com at be ca ch cl co.id co.il co.in co.jp co.kr co.nz co.th co.uk co.za com.ar com.au com.br com.hk com.tr com.tw com.vn cz ' +
          'de dk es fi fr gr hu it my nl no ph rs se sg sk',
      ),
      under(
        'live',
        'com at be ca cl cn co.in co.kr co.uk co.za com.ar com.au com.mx com.my com.ph com.pk com.pt com.sg de dk fi fr hk ie in it jp ' +
          'nl no ru se',
      ),
      'msn.com windowslive.com passport.com',
    ].join(' '),
    'protection.outlook.com mx.microsoft hotmail.com',
  ),
  yahoo: provider(
    'Yahoo and AOL',
    'senders.yahooinc.com/faqs (domains and MX of Yahoo and AOL)',
    [
      under(
        'yahoo',
        'com at be bg ca cl co.id co.il co.in co.kr co.nz co.th co.uk co.za com.ar com.au com.br com.co com.hk com.hr com.mx com.my com.pe ' +
          'com.ph com.sg com.tr com.tw com.ve com.vn cz de dk ee es fi fr gr hu ie in it lt lv nl no pl pt ro se si sk ua',
      ),
      under(
        'aol',
        'com at be ch cl co.nz co.uk com.ar com.au com.br com.co com.mx com.tr cz de dk es fi fr hk in it jp nl pl se tw',
      ),
      'ymail.com rocketmail.com myyahoo.com aim.com netscape.net verizon.net frontier.com frontiernet.net',
    ].join(' '),
    'yahoodns.net',
  ),
  yahoo_japan: provider(
    'Yahoo! JAPAN',
    'support.yahoo-net.jp (Yahoo! Mail, LY Corporation)',
    'yahoo.co.jp ymail.ne.jp ybb.ne.jp',
    'mail.yahoo.co.jp',
  ),
  icloud: provider(
    'iCloud',
    'support.apple.com/102374 (custom domains), support.apple.com/102322',
    'icloud.com me.com mac.com',
    'mail.icloud.com',
  ),
  proton: provider(
    'Proton',
    'proton.me/support/custom-domain',
    'proton.me protonmail.com protonmail.ch pm.me',
    'protonmail.ch',
  ),
  gmx: provider(
    'GMX and WEB.DE',
    'postmaster.gmx.net, postmaster.web.de, postmaster.mail.com',
    `${under('gmx', 'de net at ch com us co.uk fr es it eu org info biz')} web.de mail.com email.de`,
    'gmx.net web.de mail.com',
  ),
  ionos: provider(
    'IONOS',
    'ionos.com/help/domains/configuring-mail-servers-and-other-related-records',
    'online.de',
    'ionos.de ionos.com ionos.co.uk ionos.es ionos.fr ionos.it ionos.mx kundenserver.de 1and1.com perfora.net',
  ),
  t_online: provider(
    'T-Online',
    'postmaster.t-online.de',
    't-online.de magenta.de',
    'mx00.t-online.de mx01.t-online.de mx02.t-online.de mx03.t-online.de',
  ),
  freenet: provider('freenet', 'postmaster.freenet.de', 'freenet.de', 'mx.freenet.de'),
  zoho: provider(
    'Zoho',
    'zoho.com/mail/help/adminconsole/configure-email-delivery.html',
    'zoho.com zoho.eu zoho.in zoho.com.au zoho.jp zohomail.com zohomail.eu zohomail.in',
    'zoho.com zoho.eu zoho.in zoho.com.au zoho.jp zoho.com.cn zoho.sa zohocloud.ca zohomail.com',
  ),
  fastmail: provider(
    'Fastmail',
    'fastmail.help/hc/articles/360060591153',
    'fastmail.com fastmail.fm fastmail.net fastmail.org sent.com messagingengine.com',
    'messagingengine.com',
  ),
  mail_ru: provider(
    'Mail.ru',
    'help.mail.ru/biz (MX records), postmaster.mail.ru',
    'mail.ru bk.ru inbox.ru list.ru internet.ru xmail.ru',
    'mxs.mail.ru emx.mail.ru',
  ),
  yandex: provider(
    'Yandex',
    'yandex.com/support/yandex-360/business (MX records)',
    `${under('yandex', 'ru com by kz ua com.tr')} ya.ru narod.ru`,
    'mx.yandex.net mx.yandex.ru',
  ),
  orange: provider('Orange', 'postmaster.orange.fr', 'orange.fr wanadoo.fr', 'smtp-in.orange.fr'),
  free_fr: provider('Free', 'postmaster.free.fr', 'free.fr', 'mx1.free.fr mx2.free.fr'),
  sfr: provider(
    'SFR',
    'postmaster.sfr.fr',
    'sfr.fr neuf.fr cegetel.net club-internet.fr numericable.fr',
    'smtp-in.sfr.fr',
  ),
  la_poste: provider('La Poste', 'postmaster.laposte.net', 'laposte.net', 'laposte.net'),
  comcast: provider('Comcast', 'postmaster.comcast.net', 'comcast.net', 'mx1.comcast.net mx2.comcast.net'),
  att: provider(
    'AT&T',
    'att.com/support (AT&T Mail domains)',
    'att.net sbcglobal.net bellsouth.net pacbell.net ameritech.net swbell.net flash.net nvbell.net prodigy.net snet.net wans.net',
    'prodigy.net',
  ),
  spectrum: provider(
    'Spectrum',
    'spectrum.net/support (Spectrum email addresses)',
    'charter.net spectrum.net twc.com rr.com roadrunner.com brighthouse.com',
    'charter.net',
  ),
  bt: provider('BT', 'bt.com/help (BT Email)', 'btinternet.com btopenworld.com talk21.com', ''),
  libero: provider(
    'Libero',
    'italiaonline.it (Libero Mail and Virgilio Mail)',
    'libero.it virgilio.it iol.it inwind.it blu.it',
    'libero.it virgilio.it',
  ),
  seznam: provider(
    'Seznam',
    'napoveda.seznam.cz (Email Profi, MX records)',
    'seznam.cz email.cz post.cz spoluzaci.cz',
    'seznam.cz',
  ),
  wp: provider('WP and o2', 'pomoc.wp.pl', 'wp.pl o2.pl tlen.pl go2.pl', 'wp.pl o2.pl'),
  onet: provider('Onet', 'pomoc.onet.pl', 'onet.pl op.pl vp.pl onet.eu poczta.onet.pl', 'onet.pl'),
  naver: provider('Naver', 'help.naver.com', 'naver.com', 'naver.com'),
  tencent: provider(
    'QQ Mail',
    'service.mail.qq.com, open.work.weixin.qq.com (MX records)',
    'qq.com foxmail.com vip.qq.com',
    'qq.com',
  ),
  netease: provider(
    'NetEase',
    'help.mail.163.com, qiye.163.com (MX records)',
    '163.com 126.com yeah.net vip.163.com',
    'netease.com qiye.163.com',
  ),
  rackspace: provider('Rackspace', 'docs.rackspace.com (MX records), postmaster.emailsrvr.com', '', 'emailsrvr.com'),
  godaddy: provider(
    'GoDaddy',
    'godaddy.com/help (MX records)',
    '',
    'smtp.secureserver.net mailstore1.secureserver.net europe.secureserver.net asia.secureserver.net',
  ),
  ovh: provider('OVHcloud', 'help.ovhcloud.com (MX records)', '', 'mail.ovh.net mail.ovh.ca'),
  mailbox_org: provider('mailbox.org', 'kb.mailbox.org (MX records)', 'mailbox.org', 'mailbox.org'),
  tuta: provider(
    'Tuta',
    'tuta.com/support (custom domains)',
    'tutanota.com tutanota.de tutamail.com tuta.io tuta.com keemail.me',
    'tutanota.de',
  ),
  mimecast: provider('Mimecast', 'mimecastsupport.zendesk.com (MX records)', '', 'mimecast.com mimecast.co.za'),
  proofpoint: provider('Proofpoint', 'help.proofpoint.com (MX records)', '', 'pphosted.com ppe-hosted.com'),
  barracuda: provider('Barracuda', 'campus.barracuda.com (MX records)', '', 'barracudanetworks.com'),
  cisco: provider('Cisco', 'docs.ces.cisco.com (MX records)', '', 'iphmx.com'),
} satisfies Record<string, ProviderFacts>
