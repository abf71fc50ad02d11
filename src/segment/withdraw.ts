import { inlineLabel } from '../model/ds4p.ts'
import type { JsonObject } from '../model/fhir.ts'
import { isRawNumber } from '../model/lossless-json.ts'
import type { MutableObject } from './redact.ts'

/**
 * Takes the labels that `isOwn` tells out of a resource, in place: those of the resource and those on its elements, in
 * contained resources too. What held nothing else goes with them, but for `meta.security`, where labels are put again.
 */
export function withdrawLabels(resource: MutableObject, isOwn: (coding: JsonObject) => boolean): void {
  const own = (value: unknown): boolean => isObject(value) && isOwn(value as JsonObject)
  const clean = (holder: MutableObject): void => {
    for (const [key, value] of Object.entries(holder)) {
      if (key === 'security' && Array.isArray(value)) holder[key] = value.filter(each => !own(each))
      else if (key === 'extension' && Array.isArray(value)) cleanExtensions(holder, value)
      else if (Array.isArray(value)) for (const item of value) isObject(item) && clean(item)
      else if (isObject(value)) cleanObject(holder, key, value)
    }
  }
  const cleanExtensions = (holder: MutableObject, list: readonly unknown[]): void => {
    const kept = list.filter(each => !(isObject(each) && own(inlineLabel(each as JsonObject))))
    for (const each of kept) if (isObject(each)) clean(each)
    if (kept.length === list.length) return
    if (kept.length > 0) holder['extension'] = kept
    else delete holder['extension']
  }
  const cleanObject = (holder: MutableObject, key: string, value: MutableObject): void => {
    clean(value)
    if (key.startsWith('_') && Object.keys(value).length === 0) delete holder[key]
  }
  clean(resource)
}

function isObject(value: unknown): value is MutableObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value)
}
