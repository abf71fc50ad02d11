import type { Coding } from '../../src/model/fhir.ts'

/**
 * What tells of a category, written for the tests alone and from other sources than `labels/`: words of everyday charts,
 * drug and brand names, screening instruments, a few codes. It need not know everything; what it knows must not leave.
 */
export interface TellTale {
  readonly id: string
  /** For printing. */
  readonly title: string
  /** The label that a Consent refuses, children and HL7's own kin included. */
  readonly denied: Coding
  /** Whole words and phrases that tell wherever they stand. */
  readonly words: readonly RegExp[]
  /** Phrases in which such a word means something else; taken out of the text first. */
  readonly innocent: readonly RegExp[]
  /** Codes that tell without a word, as a pattern for the whole value of a `code` member. */
  readonly codes: RegExp
}

const ACT_CODE = 'http://terminology.hl7.org/CodeSystem/v3-ActCode'
const LOCAL = 'https://consentry.example/fhir/CodeSystem/sensitivity'

const DRUG_KINDS =
  'drug|substance|opioid|opiate|heroin|cocaine|crack|cannabis|marijuana|amphetamine|methamphetamine|benzodiazepine|sedative|stimulant|inhalant|hallucinogen|narcotic|polysubstance|alcohol|chemical'
const MISUSE =
  'abuse|abuser|abusing|misuse|dependence|dependency|dependent|addiction|addict|use disorder|withdrawal|intoxication|overdose|detox|detoxification|rehab|rehabilitation|counseling|counselling'

const SUBSTANCE_USE: TellTale = {
  id: 'substance-use',
  title: 'substance use',
  denied: { system: ACT_CODE, code: 'SUD' },
  words: [
    new RegExp(`\\b(?:${DRUG_KINDS})s? (?:${MISUSE})s?\\b`, 'i'),
    /\balcoholi(?:sm|c|cs)\b/i,
    /\bsubstance use\b/i,
    /\b(?:heroin|methadone|buprenorphine|naloxone|naltrexone|lofexidine|disulfiram|acamprosate)\b/i,
    /\b(?:suboxone|subutex|sublocade|zubsolv|brixadi|vivitrol|lucemyra|narcan|antabuse|campral|dolophine)\b/i,
    /\b(?:overdose[ds]?|addict(?:ion|ive|ed|s)?|detox(?:ification)?|delirium tremens|sobriety)\b/i,
    /\b(?:DAST|DAST-10|AUDIT-C|CIWA|CAGE questionnaire|(?:alcoholics|narcotics) anonymous)\b/i,
    /\b42 ?CFR\b|"(?:42CFRPart2|SUD|ETH|ETHUD|OPIOIDUD|SUDCN)"/i,
  ],
  innocent: [/\bdrug abuse resistance\b/gi, /\bnon-? ?alcoholic\b/gi, /\balcoholic beverages?\b/gi],
  codes:
    /^(?:F1[0-689](?:\.\w+)?|T40\.\w+|30[34]\.\d+|305\.[02-9]\d?|7200002|15167005|66590003|24165007|5602001|75544000|66214007|55680006|713106006|428211000124100|82666-9|82667-7|75624-7|75626-2|72109-2|H00(?:0[1-9]|1\d|20)|G20(?:6[7-9]|7\d|80))$/,
}

const HIV: TellTale = {
  id: 'hiv',
  title: 'HIV',
  denied: { system: ACT_CODE, code: 'HIV' },
  words: [
    /\bHIV(?:-?[12])?\b/i,
    /\b(?:human |acquired )?immuno-?deficiency (?:virus|syndrome)\b/i,
    /\b(?:AIDS|PrEP)\b/,
    /\b(?:anti-?retrovirals?|pre-exposure prophylaxis|CD4\+?|pneumocystis|kaposi)\b/i,
    /\b(?:emtricitabine|tenofovir|dolutegravir|bictegravir|raltegravir|cabotegravir|efavirenz|zidovudine|abacavir)\b/i,
    /\b(?:darunavir|atazanavir|ritonavir|cobicistat|rilpivirine|lopinavir|nelfinavir|nevirapine|maraviroc)\b/i,
    /\b(?:truvada|descovy|biktarvy|genvoya|stribild|atripla|triumeq|dovato|juluca|cabenuva|apretude|tivicay)\b/i,
  ],
  innocent: [/\bnirmatrelvir\W+(?:and )?ritonavir\b/gi],
  codes:
    /^(?:B20|Z21|R75|O98\.7\w*|Z11\.4|Z20\.6|042|V08|079\.53|795\.71|86406008|62479008|165816005|31676001|55277-8|25836-8|20447-9|24467-3|7917-8|5221-7|80203-3)$/,
}

const ABORTION: TellTale = {
  id: 'abortion',
  title: 'abortion',
  denied: { system: LOCAL, code: 'ABORTION' },
  words: [
    /\babort(?:ion|ions|ed|ing)\b/i,
    /\bterminat(?:ion|ions|ing|e|ed) (?:of )?(?:the |a |her )?pregnanc(?:y|ies)\b/i,
    /\bpregnancy terminations?\b/i,
    /\b(?:mifepristone|mifeprex|RU-?486|abortifacient|dilation and evacuation)\b/i,
    /"ABORTION"/,
  ],
  innocent: [/\b(?:spontaneous|threatened|missed|habitual|recurrent) abortions?\b/gi],
  codes:
    /^(?:Z33\.2|O04(?:\.\w+)?|O07(?:\.\w+)?|63[5-8](?:\.\d+)?|57797005|386639001|714812005|10383002|386394001|18391007|285409006|S0190|S0199|S226[0-7])$/,
}

const REPRODUCTIVE: TellTale = {
  id: 'reproductive',
  title: 'reproductive health',
  denied: { system: ACT_CODE, code: 'SEX' },
  words: [
    ...ABORTION.words,
    /\bcontracepti(?:on|ves?)\b/i,
    /\b(?:intrauterine (?:device|system|contraceptive)|IUD|birth control|vasectomy|tubal ligation|infertility)\b/i,
    /\b(?:medroxyprogesterone|levonorgestrel|norethindrone|ethinyl estradiol|etonogestrel|ulipristal)\b/i,
    /\b(?:mirena|liletta|kyleena|paragard|nexplanon|jolivette|levora|loestrin|depo-provera|plan b)\b/i,
    /\b(?:pregnan(?:t|cy|cies)|prenatal|antenatal|antepartum|postpartum|postnatal|obstetrics?|gravida)\b/i,
    /\b(?:f(?:o)?etal|f(?:o)?etus|childbirth|miscarriages?|blighted ovum|(?:augmentation|induction) of labou?r)\b/i,
    // A note that calls somebody heterosexual says what it says of most; the answer to the coded question is another thing.
    /\b(?:sexual orientation|homosexual|bisexual|lesbian|menstrua(?:l|tion))\b/i,
    /"(?:SEX|PREGNANT|CONTRACEPTION)"/,
  ],
  innocent: [],
  codes:
    /^(?:Z30(?:\.\w+)?|Z3[3-79A](?:\.\w+)?|O\d\w(?:\.\w+)?|N9[12](?:\.\w+)?|V2[2-57](?:\.\d+)?|72892002|65200003|46706006|169553002|76690-7|8665-2|21840007)$/,
}

const MENTAL_HEALTH: TellTale = {
  id: 'mental-health',
  title: 'mental health',
  denied: { system: ACT_CODE, code: 'MH' },
  words: [
    /\b(?:depression|depressive|antidepressants?|anxiety|bipolar|panic disorder|obsessive[- ]compulsive)\b/i,
    /\b(?:PTSD|post-? ?traumatic stress|schizo\w+|psychos[ei]s|psychotic|suicid(?:e|al|ality))\b/i,
    /\b(?:psychiatr(?:y|ic|ist)|psycholog(?:y|ical|ist)|psychotherap(?:y|ist|ies)|psychodynamic)\b/i,
    /\b(?:mental (?:health|illness|disorders?)|behaviou?ral health|cognitive behaviou?r(?:al)? therapy)\b/i,
    /\b(?:attention[- ]deficit|ADHD|inattention)\b/i,
    /\b(?:PHQ-?[29]?|GAD-?7|C-SSRS|patient health questionnaire)\b/i,
    /\b(?:sertraline|fluoxetine|paroxetine|citalopram|escitalopram|venlafaxine|mirtazapine|methylphenidate)\b/i,
    /\b(?:quetiapine|olanzapine|risperidone|aripiprazole|clozapine|haloperidol|lithium carbonate|atomoxetine)\b/i,
    /"(?:MH|PSY|PSYTHPN)"/,
  ],
  innocent: [
    // The display of HL7's BH label, which stands beside substance use as well.
    /\bbehavioral health information sensitivity\b/gi,
    /\b(?:respiratory|ST|bone marrow|cardiac) depression\b/gi,
    /\bbipolar (?:cautery|electrode|forceps|hip)\w*\b/gi,
    /\btobacco\b[^.]{0,40}\bpsycholog\w+/gi,
  ],
  codes:
    /^(?:F[2-4]\d(?:\.\w+)?|F6\d(?:\.\w+)?|F90(?:\.\w+)?|29[5-8](?:\.\d+)?|300(?:\.\d+)?|309\.81|31[14](?:\.\d+)?|36923009|370143000|35489007|47505003|192127007|171207006|454711000124102|710841007|55757-9|55758-7|44249-1|44261-6|69737-5|70274-6|73831-0)$/,
}

const PARTNER_ABUSE: TellTale = {
  id: 'partner-abuse',
  title: 'partner abuse',
  denied: { system: ACT_CODE, code: 'SDV' },
  words: [
    /\b(?:intimate partner|partner (?:abuse|violence)|domestic (?:abuse|violence)|abuse status)\b/i,
    /\b(?:sexual (?:assault|abuse|trauma)|sexually (?:assaulted|abused)|rape[ds]?|human trafficking)\b/i,
    /\b(?:spous(?:e|al)|wife|child|elder|adult|physical|emotional) (?:abuse|maltreatment|battering)\b/i,
    /\bbatter(?:ed|ing)\b/i,
    /\b(?:victim|survivor) of (?:\w+ ){0,3}(?:abuse|assault|violence)\b/i,
    /\bafraid of (?:your|her|his|their) (?:partner|husband|wife|ex-partner)\b/i,
    /"SDV"/,
  ],
  innocent: [/\b(?:oilseed )?rape(?:seed)? (?:pollen|oil|seed)\b/gi],
  codes:
    /^(?:T7[46](?:\.\w+)?|Z69(?:\.\w+)?|Y07(?:\.\w+)?|O9A\.[345]\w*|995\.8[0-5]\d?|706893006|76501-6|28245-9)$/,
}

/** The categories of the matrix. Abortion is a part of reproductive health that a Consent can refuse by itself. */
export const TELL_TALES: readonly TellTale[] = [
  SUBSTANCE_USE,
  HIV,
  ABORTION,
  REPRODUCTIVE,
  MENTAL_HEALTH,
  PARTNER_ABUSE,
]

const BASE64 = [
  /"(?:data|valueBase64Binary)"\s*:\s*"((?:[A-Za-z0-9+/=\s]|\\[rn/])+)"/g,
  /;base64,([A-Za-z0-9+/=]+)/g,
  /representation="B64"[^>]*>([A-Za-z0-9+/=\s]+)</g,
]
const UNICODE_ESCAPE = /\\u([0-9a-fA-F]{4})/g
/** An id is no prose: a word inside one is chance. */
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/**
 * What a reader finds in the text: every base64 payload opened in its place, and those inside it (gzip is not opened),
 * escapes read, without UUIDs.
 */
export function opened(text: string, depth = 4): string {
  let open = text
  for (const pattern of depth === 0 ? [] : BASE64)
    open = open.replace(pattern, (_, payload: string) => {
      const bytes = Buffer.from(payload.replace(/\\[rn]/g, ''), 'base64')
      return `\n${opened(bytes.toString('utf8'), depth - 1)}\n`
    })
  return open
    .replace(UNICODE_ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(UUID, '')
}

const CODE = /"code"\s*:\s*"([^"\\]{2,40})"/g

/** The first word or code of the category in this text ({@link opened} before), with what stands around it. */
export function tells(category: TellTale, text: string): string | undefined {
  let prose = text
  for (const phrase of category.innocent) prose = prose.replace(phrase, ' ')
  for (const word of category.words) {
    const found = word.exec(prose)
    if (found !== null)
      return `${found[0]}: …${prose.slice(Math.max(0, found.index - 40), found.index + 60).replace(/\s+/g, ' ')}…`
  }
  for (const [, code = ''] of text.matchAll(CODE)) if (category.codes.test(code)) return `code ${code}`
  return undefined
}
