/** Characters in one spelling, so that a look-alike, an accent or something invisible does not pass a rule by. */

/** Letters that look like Latin ones, written `what it is` `what it looks like`; either case. */
const LOOK_ALIKES = `
  аa вb сc ԁd еe һh нh іi јj кk ӏl мm оo рp ԛq ѕs тt уy үy ѵv ԝw хx
  αa βb γy εe ηn ιi κk νv οo ρp τt υu χx ωw ϲc
  օo սu հh ոn ɑa ɡg ıi ɩi ɛe əe
  ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz
  øo đd ħh łl ŧt ßss æae œoe ðd þth ƒf`

/** Capitals that look like another letter than their small form does. */
const CAPITALS = 'Ηh Νn Υy Ρp'

const TABLE = new Map(
  [...LOOK_ALIKES.trim().split(/\s+/), ...CAPITALS.split(' ')].map(pair => {
    const [character = '', ...looks] = pair
    return [character, looks.join('')] as const
  }),
)

const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{M}]/u
const LETTER = /[\p{L}\p{N}]/u
const SYMBOL = /\p{So}/u
const DASH = /[\p{Pd}\u2212]/u
const LONG_DASH = /[\u2014\u2015]/u
const BULLET = /[\u2022\u2023\u2043\u25a0-\u25ff\u2713\u2714\u27a2]/u
const APOSTROPHE = /[\u2018\u2019\u201b\u02bc\u00b4\uff07]/u
const LINE = /[\u0085\u2028\u2029]/u

/** What was folded before, by code point. */
const FOLDED: (string | undefined)[] = new Array(0x10000)
const BEYOND = new Map<number, string>()

/**
 * What a code point that is not ASCII reads as, in small letters: nothing where it is invisible or a mark, Latin letters
 * where it is or looks like them, itself where it is another letter, else the mark of ASCII that separates alike: `-`, `'`, `,`, `;`, a line break, a blank.
 */
export function foldPoint(point: number): string {
  const known = point < 0x10000 ? FOLDED[point] : BEYOND.get(point)
  if (known !== undefined) return known
  const folded = fold(String.fromCodePoint(point))
  if (point < 0x10000) FOLDED[point] = folded
  else BEYOND.set(point, folded)
  return folded
}

function fold(character: string): string {
  if (INVISIBLE.test(character)) return ''
  if (LONG_DASH.test(character)) return ','
  if (BULLET.test(character)) return ';'
  if (DASH.test(character)) return '-'
  if (APOSTROPHE.test(character)) return "'"
  if (LINE.test(character)) return '\n'
  const parts = [...character.normalize('NFKD')]
  // One sign for a whole word is no spelling of it.
  if (parts.length > 4 || (parts.length > 1 && SYMBOL.test(character))) return ' '
  return parts.map(plain).join('')
}

function plain(part: string): string {
  if (INVISIBLE.test(part)) return ''
  const small = part.toLowerCase()
  const looks = TABLE.get(part) ?? TABLE.get(small)
  if (looks !== undefined) return looks
  return LETTER.test(small) || /^[.\-']$/.test(small) ? small : ' '
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is sought
const CONTROL = /[\x00-\x08\x0e-\x1f\x7f]/g
const PLAIN = /^[\x20-\x7e]*$/

/** A short text in one spelling, small letters. Time is linear in the text. */
export function foldText(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase()
  let folded = ''
  for (const character of text) {
    const point = character.codePointAt(0) ?? 32
    folded += point < 128 ? character.toLowerCase() : foldPoint(point)
  }
  return folded.replace(CONTROL, '')
}
