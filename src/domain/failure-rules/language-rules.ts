/** Rules on phrases in other languages than English. */
import type { FailureRule } from '../failure.ts'
import { phrases } from './phrases.ts'
import { sources } from './sources.ts'

export const languageRules: readonly FailureRule[] = [
  {
    id: 'text.languages.automatic-reply',
    source: sources.rfc6522,
    reason: 'automatic_reply',
    isFinal: false,
    text: phrases`
      abwesenheitsnotiz
      automatische antwort
      r[eé]ponse automatique
      respuesta autom[aá]tica
    `,
  },
  {
    id: 'text.languages.list',
    source: sources.european,
    reason: 'blocked_list',
    text: phrases`
      schwarze liste
      lista (negra|nera)
      liste noire
      черн(ом|ый) списк
    `,
  },
  {
    id: 'text.languages.reputation',
    source: sources.european,
    reason: 'blocked_reputation',
    text: phrases`
      adresse ip .{0,40}(bloqu|refus)
    `,
  },
  {
    id: 'text.languages.spam',
    source: sources.european,
    reason: 'spam_content',
    text: phrases`
      anty-?spam
      courrier ind[eé]sirable
      pourriel
      ind[eé]sirable
      basura
      спам
      垃圾
    `,
  },
  {
    id: 'text.languages.rate',
    source: sources.european,
    reason: 'rate_limited',
    text: phrases`
      trop de (connexions|messages)
    `,
  },
  {
    id: 'text.languages.size',
    source: sources.european,
    reason: 'too_large',
    text: phrases`
      nachricht (ist )?zu gro
      message trop (volumineux|gros)
      demasiado grande
    `,
  },
  {
    id: 'text.languages.full',
    source: sources.european,
    reason: 'mailbox_full',
    isFinal: false,
    text: phrases`
      postfach (ist )?(\S+ )?voll
      speichervolumen
      bo[iî]te (aux lettres |de r[eé]ception )?(est )?pleine
      quota d[eé]pass[eé]
      buz[oó]n (est[aá] )?lleno
      caixa (postal|de entrada|de correio) (est[aá] )?(cheia|lotada)
      casella (\S+ )?piena
      переполнен
      превышена квота
      邮箱(已)?满
      空间不足
      超过.{0,4}容量
      容量.{0,6}(超|いっぱい)
      いっぱい
    `,
  },
  {
    id: 'text.languages.inactive',
    source: sources.european,
    reason: 'inactive_mailbox',
    text: phrases`
      konto (ist )?(gesperrt|deaktiviert)
      compte (\S+ )?(d[eé]sactiv[eé]|suspendu|ferm[eé])
      cuenta (\S+ )?(deshabilitada|suspendida|desactivada)
      conta (\S+ )?(desativada|suspensa|bloqueada|inativa)
      \b(ha expirado|expirad[oa]|caducad[oa])\b
      \binactiv[oa]s?\b
      \binativ[oa]\b
      d[eé]sactiv[eé]e?
      deaktiviert
      disatt+ivat[ao]
      bloccat[ao]
      nieaktywn
      zablokowan
      avst[aä]ngt
      отключен|заблокирован|деактивирован
    `,
  },
  {
    id: 'text.languages.unknown-user',
    source: sources.european,
    reason: 'unknown_recipient',
    text: phrases`
      utilisateur (\S+ )?inconnu
      destinataire (\S+ )?(inconnu|invalide|inexistant)
      adresse (\S+ ){0,5}(invalide|inconnue|inexistante|unbekannt)
      empf(ä|ae)nger (\S+ )?(unbekannt|existiert nicht|nicht gefunden)
      benutzer (\S+ )?(nicht bekannt|unbekannt|existiert nicht)
      unbekannter (benutzer|empf)
      kein (empf|benutzer|postfach)
      (postfach|adresse|konto) (\S+ )?(existiert nicht|nicht vorhanden|nicht gefunden)
      usuario (\S+ )?(desconocido|no existe|inexistente)
      buz[oó]n (\S+ )?no (existe|encontrado)
      (cuenta|direcci[oó]n) (\S+ ){0,3}no existe
      usu[aá]rio (\S+ )?(desconhecido|inexistente|n[aã]o existe|n[aã]o encontrado)
      caixa postal (\S+ )?inexistente
      destinat[aá]rio (\S+ )?(desconhecido|inexistente|inv[aá]lido|n[aã]o encontrado)
      utente (\S+ )?(sconosciuto|inesistente|non trovato)
      (casella|indirizzo) (\S+ )?inesistente
      destinatario (\S+ )?(sconosciuto|inesistente|desconocido|no existe)
      onbekende (gebruiker|ontvanger)
      gebruiker (\S+ )?(onbekend|niet gevonden|bestaat niet)
      не существует
      не найден
      нет такого
      неизвестный пользователь
      nie istnieje
      nieznany
      (用户|用戶|收件人|邮箱|郵箱|帐号|地址)\S{0,6}不存在
      无此用户
      \b(unbekannt|inconnue?|desconocid[oa]|desconhecid[oa]|sconosciut[oa]|inesistente|inexistente|onbekend|nieznan[ya]|okänd|ukjent|ukendt|tuntematon|bilinmeyen|ismeretlen|necunoscut)\b
      existe (pas|plus)\b
      \bno existe\b
      n[aã]o existe
      non esiste
      bestaat niet
      existiert nicht
      nie ma takiego
      неизвест
      宛先.{0,8}(不明|存在)
      存在しません
      見つかりません
    `,
  },
  {
    id: 'text.languages.unknown-domain',
    source: sources.european,
    reason: 'unknown_domain',
    text: phrases`
      domaine? (\S+ )?(inconnu|existe pas|desconocido|no existe|inexistente|sconosciuto|unbekannt)
    `,
  },
  {
    id: 'text.languages.server',
    source: sources.european,
    reason: 'receiver_error',
    text: phrases`
      nicht erreichbar
    `,
  },
  {
    id: 'text.languages.policy',
    source: sources.european,
    reason: 'policy',
    text: phrases`
      mail rejet
      odrzucon
    `,
  },
]
