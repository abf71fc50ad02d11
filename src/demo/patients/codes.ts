/** Codes of the example charts. Systems as FHIR R4 spells them (https://hl7.org/fhir/R4/terminologies-systems.html). */
export interface Code {
  readonly system: string
  readonly code: string
  readonly display: string
}

const of =
  (system: string) =>
  (code: string, display: string): Code => ({ system, code, display })

export const sct = of('http://snomed.info/sct')
const icd = of('http://hl7.org/fhir/sid/icd-10-cm')
export const loinc = of('http://loinc.org')
const rx = of('http://www.nlm.nih.gov/research/umls/rxnorm')
export const cvx = of('http://hl7.org/fhir/sid/cvx')
export const hcpcs = of('http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets')
export const actCode = of('http://terminology.hl7.org/CodeSystem/v3-ActCode')
/** Marks of the example site itself. */
export const siteNote = of('https://bayview.example/fhir/CodeSystem/note-kind')

/** A diagnosis as problem lists (SNOMED CT) and claims (ICD-10-CM) spell it. */
export interface Diagnosis {
  readonly sct: Code
  readonly icd: Code
}
const diagnosis = (sctCode: string, name: string, icdCode: string, icdName: string): Diagnosis => ({
  sct: sct(sctCode, name),
  icd: icd(icdCode, icdName),
})

export const DX = {
  hypertension: diagnosis('59621000', 'Essential hypertension', 'I10', 'Essential (primary) hypertension'),
  diabetes: diagnosis(
    '44054006',
    'Type 2 diabetes mellitus',
    'E11.9',
    'Type 2 diabetes mellitus without complications',
  ),
  hyperlipidemia: diagnosis('55822004', 'Hyperlipidemia', 'E78.5', 'Hyperlipidemia, unspecified'),
  asthma: diagnosis('195967001', 'Asthma', 'J45.909', 'Unspecified asthma, uncomplicated'),
  reflux: diagnosis(
    '235595009',
    'Gastroesophageal reflux disease',
    'K21.9',
    'Gastro-esophageal reflux disease without esophagitis',
  ),
  vitaminD: diagnosis('34713006', 'Vitamin D deficiency', 'E55.9', 'Vitamin D deficiency, unspecified'),
  pharyngitis: diagnosis('195662009', 'Acute viral pharyngitis', 'J02.9', 'Acute pharyngitis, unspecified'),
  bronchitis: diagnosis('10509002', 'Acute bronchitis', 'J20.9', 'Acute bronchitis, unspecified'),
  rhinitis: diagnosis('61582004', 'Allergic rhinitis', 'J30.9', 'Allergic rhinitis, unspecified'),
  backPain: diagnosis('279039007', 'Low back pain', 'M54.50', 'Low back pain, unspecified'),
  ankleSprain: diagnosis(
    '44465007',
    'Sprain of ankle',
    'S93.401A',
    'Sprain of unspecified ligament of right ankle',
  ),
  checkup: diagnosis(
    '185349003',
    'Encounter for check up',
    'Z00.00',
    'Encounter for general adult medical examination without abnormal findings',
  ),
  childCheckup: diagnosis(
    '410620009',
    'Well child visit',
    'Z00.129',
    'Encounter for routine child health examination without abnormal findings',
  ),
  opioid: diagnosis('75544000', 'Opioid dependence', 'F11.20', 'Opioid dependence, uncomplicated'),
  opioidRemission: diagnosis(
    '1081000119105',
    'Opioid dependence, on agonist therapy',
    'F11.21',
    'Opioid dependence, in remission',
  ),
  depression: diagnosis(
    '370143000',
    'Major depressive disorder',
    'F33.1',
    'Major depressive disorder, recurrent, moderate',
  ),
  ptsd: diagnosis(
    '47505003',
    'Posttraumatic stress disorder',
    'F43.10',
    'Post-traumatic stress disorder, unspecified',
  ),
  hiv: diagnosis(
    '86406008',
    'Human immunodeficiency virus infection',
    'B20',
    'Human immunodeficiency virus [HIV] disease',
  ),
  termination: diagnosis(
    '57797005',
    'Induced termination of pregnancy',
    'Z33.2',
    'Encounter for elective termination of pregnancy',
  ),
  pregnancy: diagnosis(
    '72892002',
    'Normal pregnancy',
    'Z32.01',
    'Encounter for pregnancy test, result positive',
  ),
  chlamydia: diagnosis(
    '240589008',
    'Chlamydia trachomatis infection',
    'A56.00',
    'Chlamydial infection of lower genitourinary tract, unspecified',
  ),
  contraception: diagnosis(
    '13197004',
    'Contraception',
    'Z30.09',
    'Encounter for other general counseling and advice on contraception',
  ),
  attention: diagnosis(
    '192127007',
    'Child attention deficit disorder',
    'F90.0',
    'Attention-deficit hyperactivity disorder, predominantly inattentive type',
  ),
} as const

export const LAB = {
  a1c: loinc('4548-4', 'Hemoglobin A1c/Hemoglobin.total in Blood'),
  glucose: loinc('2345-7', 'Glucose [Mass/volume] in Serum or Plasma'),
  creatinine: loinc('2160-0', 'Creatinine [Mass/volume] in Serum or Plasma'),
  urea: loinc('3094-0', 'Urea nitrogen [Mass/volume] in Serum or Plasma'),
  sodium: loinc('2951-2', 'Sodium [Moles/volume] in Serum or Plasma'),
  potassium: loinc('2823-3', 'Potassium [Moles/volume] in Serum or Plasma'),
  chloride: loinc('2075-0', 'Chloride [Moles/volume] in Serum or Plasma'),
  metabolicPanel: loinc('24321-2', 'Basic metabolic 2000 panel - Serum or Plasma'),
  cholesterol: loinc('2093-3', 'Cholesterol [Mass/volume] in Serum or Plasma'),
  triglycerides: loinc('2571-8', 'Triglyceride [Mass/volume] in Serum or Plasma'),
  hdl: loinc('2085-9', 'Cholesterol in HDL [Mass/volume] in Serum or Plasma'),
  ldl: loinc('13457-7', 'Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation'),
  lipidPanel: loinc('24331-1', 'Lipid 1996 panel - Serum or Plasma'),
  hemoglobin: loinc('718-7', 'Hemoglobin [Mass/volume] in Blood'),
  leukocytes: loinc('6690-2', 'Leukocytes [#/volume] in Blood by Automated count'),
  platelets: loinc('777-3', 'Platelets [#/volume] in Blood by Automated count'),
  bloodCount: loinc('58410-2', 'CBC panel - Blood by Automated count'),
  opiates: loinc('19295-5', 'Opiates [Presence] in Urine by Screen method'),
  viralLoad: loinc(
    '20447-9',
    'HIV 1 RNA [#/volume] (viral load) in Serum or Plasma by NAA with probe detection',
  ),
  cd4: loinc('24467-3', 'CD3+CD4+ (T4 helper) cells [#/volume] in Blood'),
  hivScreen: loinc('56888-1', 'HIV 1+2 Ab+HIV1 p24 Ag [Presence] in Serum or Plasma by Immunoassay'),
  gonorrhea: loinc('24111-7', 'Neisseria gonorrhoeae DNA [Presence] in Specimen by NAA with probe detection'),
  chlamydia: loinc('21613-5', 'Chlamydia trachomatis DNA [Presence] in Specimen by NAA with probe detection'),
  pregnancyTest: loinc('2106-3', 'Choriogonadotropin (pregnancy test) [Presence] in Urine'),
  phq9: loinc('44261-6', 'Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]'),
  strep: loinc('78012-2', 'Streptococcus pyogenes Ag [Presence] in Throat by Rapid immunoassay'),
} as const

export const NOTE = {
  progress: loinc('11506-3', 'Progress note'),
  evaluation: loinc('51847-2', 'Evaluation + Plan note'),
  psychiatry: loinc('28627-8', 'Psychiatry Progress note'),
  counseling: loinc('34864-9', 'Mental health Counseling note'),
} as const

export const RX = {
  lisinopril: rx('314076', 'lisinopril 10 MG Oral Tablet'),
  metformin: rx('861007', 'metformin hydrochloride 500 MG Oral Tablet'),
  simvastatin: rx('312961', 'simvastatin 20 MG Oral Tablet'),
  albuterol: rx('745679', '200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler'),
  amoxicillin: rx('308191', 'amoxicillin 500 MG Oral Capsule'),
  methadone: rx('991149', 'methadone hydrochloride 10 MG/ML Oral Solution [Methadose]'),
  buprenorphine: rx('351266', 'buprenorphine 2 MG / naloxone 0.5 MG Sublingual Tablet'),
  sertraline: rx('312938', 'sertraline 100 MG Oral Tablet'),
  escitalopram: rx('349332', 'escitalopram 10 MG Oral Tablet'),
  antiretroviral: rx(
    '1147334',
    'emtricitabine 200 MG / rilpivirine 25 MG / tenofovir disoproxil fumarate 300 MG Oral Tablet',
  ),
  mifepristone: rx('330381', 'mifepristone 200 MG'),
  contraceptive: rx('1358762', 'ethinyl estradiol 0.02 MG / norethindrone acetate 1 MG Oral Tablet'),
  methylphenidate: rx('1091150', 'methylphenidate hydrochloride 10 MG Oral Tablet'),
} as const

export const SERVICE = {
  clinicVisit: hcpcs('G0463', 'Hospital outpatient clinic visit for assessment and management of a patient'),
  methadone: hcpcs('H0020', 'Alcohol and/or drug services; methadone administration and/or service'),
  counseling: hcpcs('H0004', 'Behavioral health counseling and therapy, per 15 minutes'),
} as const
