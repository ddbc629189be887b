"""Functions of arrays, those with lambdas among them."""

from hedgerow.language.query.functions.table import family

ARRAYS = family("""
array:0-* arrayElement:2 arrayConcat:0-* arrayPushBack:2 arrayPushFront:2 arrayPopBack:1 arrayPopFront:1 arrayResize:2-3
arraySlice:2-3 arrayUniq:1-* arrayJoin:1 arrayDifference:1 arrayDistinct:1 arrayEnumerate:1-* arrayEnumerateUniq:1-*
arrayEnumerateDense:1-* arrayIntersect:1-* arrayReduce:2-* arrayReduceInRanges:3-* arrayReverse:1 arrayFlatten:1
arrayCompact:1 arrayZip:1-* arrayZipUnaligned:1-* arrayAUC:2-3 arrayWithConstant:2 arrayRotateLeft:2 arrayRotateRight:2
arrayShiftLeft:2-3 arrayShiftRight:2-3 arrayRandomSample:2 arrayShuffle:1-2 arrayPartialSort:2-* arrayJaccardIndex:2
arrayCumSum:1-* arrayCumSumNonNegative:1-* arrayProduct:1-* arrayDotProduct:2 hasSubstr:2 emptyArrayToSingle:1
emptyArrayString:0 emptyArrayInt64:0 indexOf:2 countEqual:2 arraySymmetricDifference:1-* arrayUnion:1-* arrayExcept:2
arrayNormalizedGini:2 arrayLevenshteinDistance:2 arraySimilarity:4
""")
LAMBDAS = family("""
arrayMap:2-* arrayFilter:2-* arrayFill:2-* arrayReverseFill:2-* arraySplit:2-* arrayReverseSplit:2-* arrayExists:1-* arrayAll:1-*
arrayMin:1-* arrayMax:1-* arraySum:1-* arrayAvg:1-* arrayCount:1-* arrayFirst:2-* arrayFirstOrNull:2-* arrayLast:2-*
arrayLastOrNull:2-* arrayFirstIndex:2-* arrayLastIndex:2-* arraySort:1-* arrayReverseSort:1-* arrayFold:3-*
""")
FAMILIES = (ARRAYS, LAMBDAS)
