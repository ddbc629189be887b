"""Functions from values to a value: numbers, logic, strings, conversions, JSON, URLs, hashes and the rest."""

from hedgerow.language.query.functions.table import family

ARITHMETIC = family("""
plus:2 minus:2 multiply:2 divide:2 intDiv:2 intDivOrZero:2 intDivOrNull:2 modulo:2 moduloOrZero:2 moduloOrNull:2
positiveModulo:2 negate:1 abs:1 gcd:2 lcm:2 max2:2 min2:2 divideOrNull:2 divideDecimal:2-3 multiplyDecimal:2-3 byteSwap:1
bitAnd:2 bitOr:2 bitXor:2 bitNot:1 bitShiftLeft:2 bitShiftRight:2 bitTest:2 bitCount:1 bitHammingDistance:2
isFinite:1 isInfinite:1 isNaN:1 ifNotFinite:2
""")
COMPARISON = family("""
equals:2 notEquals:2 less:2 greater:2 lessOrEquals:2 greaterOrEquals:2 like:2 ilike:2 notLike:2 notILike:2
in:2 notIn:2 isNotDistinctFrom:2 isDistinctFrom:2 greatest:1-* least:1-*
""")
LOGICAL = family("""and:1-* or:1-* xor:2-* not:1""")
CONDITIONAL = family(
    """if:3 multiIf:3-* transform:3-4 caseWithExpression:3-* _caseWithExpression=caseWithExpression:3-*"""
)
NULLS = family("""ifNull:2 nullIf:2 coalesce:1-* assumeNotNull:1 toNullable:1""")
NULL_TESTS = family(
    """isNull:1 isNotNull:1 empty:1 notEmpty:1 has:2 hasAny:2 hasAll:2 isZeroOrNull:1""", never_null=True
)
MATHS = family("""
e:0 pi:0 exp:1 log:1-2 ln=log:1 exp2:1 log2:1 exp10:1 log10:1 sqrt:1 cbrt:1 erf:1 erfc:1 lgamma:1 tgamma:1 sin:1 cos:1 tan:1
asin:1 acos:1 atan:1 pow:2 power=pow:2 intExp2:1 intExp10:1 cosh:1 acosh:1 sinh:1 asinh:1 tanh:1 atanh:1 atan2:2 hypot:2
log1p:1 sign:1 degrees:1 radians:1 factorial:1 width_bucket=widthBucket:4 widthBucket:4 sigmoid:1
floor:1-2 ceil:1-2 ceiling=ceil:1-2 trunc:1-2 truncate=trunc:1-2 round:1-2 roundBankers:1-2 roundToExp2:1 roundDuration:1
roundAge:1 roundDown:2 rand:0-1 rand32:0-1 rand64:0-1 randCanonical:0-1 randUniform:2 randNormal:2 generateUUIDv4:0-1
generateUUIDv7:0-1
""")
STRINGS = family("""
length:1 lengthUTF8:1 char_length=lengthUTF8:1 leftPad:2-3 rightPad:2-3 leftPadUTF8:2-3 rightPadUTF8:2-3 lower:1 upper:1
lowerUTF8:1 upperUTF8:1 isValidUTF8:1 toValidUTF8:1 repeat:2 format:2-* reverse:1 reverseUTF8:1 concat:0-* substring:2-3
substr=substring:2-3 mid=substring:2-3 substringUTF8:2-3 appendTrailingCharIfAbsent:2 convertCharset:3 base58Encode:1
base58Decode:1 tryBase58Decode:1 base64Encode:1 base64Decode:1 tryBase64Decode:1 endsWith:2 startsWith:2 trim:1-2
trimLeft:1-2 ltrim=trimLeft:1-2 trimRight:1-2 rtrim=trimRight:1-2 trimBoth:1-2 encodeXMLComponent:1 decodeXMLComponent:1
extractTextFromHTML:1 ascii:1 soundex:1 concatWithSeparator:1-* concat_ws=concatWithSeparator:1-* initcap:1 initcapUTF8:1
left:2 right:2 leftUTF8:2 rightUTF8:2 space:1 char:1-* hex:1 unhex:1 bin:1 unbin:1 lpad=leftPad:2-3 rpad=rightPad:2-3
splitByChar:2-3 splitByString:2-3 splitByRegexp:2-3 splitByWhitespace:1-2 splitByNonAlpha:1-2 arrayStringConcat:1-2
alphaTokens:1-2 tokens:1-* ngrams:2 extractAllGroups:2 extractAllGroupsVertical:2 stringJaccardIndex:2 levenshteinDistance:2
editDistance:2 damerauLevenshteinDistance:2 jaroSimilarity:2 jaroWinklerSimilarity:2 overlay:3-4 overlayUTF8:3-4 byteHammingDistance:2 translate:3 translateUTF8:3 normalizeUTF8NFC:1
normalizeUTF8NFD:1 normalizeUTF8NFKC:1 normalizeUTF8NFKD:1 printf:1-* formatReadableSize:1 formatReadableDecimalSize:1
formatReadableQuantity:1 formatReadableTimeDelta:1-3 sqid=sqidEncode:1-* sqidDecode:1
""")
SEARCH = family("""
position:2-3 locate:2-3 positionCaseInsensitive:2-3 positionUTF8:2-3 positionCaseInsensitiveUTF8:2-3 strpos=position:2-3
multiSearchAllPositions:2 multiSearchFirstPosition:2 multiSearchFirstIndex:2 multiSearchAny:2 multiSearchAnyCaseInsensitive:2
multiSearchAnyUTF8:2 multiSearchAnyCaseInsensitiveUTF8:2 match:2 multiMatchAny:2 multiMatchAnyIndex:2 multiMatchAllIndices:2
extract:2 extractAll:2 extractAllGroupsHorizontal:2 extractGroups:2 regexpExtract:2-3 REGEXP_EXTRACT=regexpExtract:2-3
ngramDistance:2 ngramSearch:2 countSubstrings:2-3 countSubstringsCaseInsensitive:2-3 countMatches:2
countMatchesCaseInsensitive:2 hasToken:2 hasTokenCaseInsensitive:2 hasSubsequence:2 hasSubsequenceCaseInsensitive:2
replace=replaceAll:3 replaceAll:3 replaceOne:3 replaceRegexpAll:3 replaceRegexpOne:3 regexpQuoteMeta:1
""")
CONVERSIONS = family("""
toBool:1 toString:1-2 toJSONString:1 toFixedString:2 toUUIDOrZero:1 toUUIDOrNull:1 toUUIDOrDefault:1-2 toIPv4:1 toIPv6:1
toIPv4OrNull:1 toIPv6OrNull:1 toInt8:1 toInt16:1 toInt32:1 toInt64:1 toInt128:1 toInt256:1 toUInt8:1 toUInt16:1 toUInt32:1
toUInt64:1 toUInt128:1 toUInt256:1 toInt8OrNull:1 toInt16OrNull:1 toInt32OrNull:1 toInt64OrNull:1 toInt8OrZero:1
toInt16OrZero:1 toInt32OrZero:1 toInt64OrZero:1 toUInt8OrNull:1 toUInt16OrNull:1 toUInt32OrNull:1 toUInt64OrNull:1
toUInt8OrZero:1 toUInt16OrZero:1 toUInt32OrZero:1 toUInt64OrZero:1 toFloat32:1 toFloat64:1 toFloat32OrNull:1
toFloat64OrNull:1 toFloat32OrZero:1 toFloat64OrZero:1 toFloatOrZero=toFloat64OrZero:1 toIntOrZero=toInt64OrZero:1
toDecimal32:2 toDecimal64:2 toDecimal128:2 toDecimalString:2 toTypeName:1 reinterpretAsUInt8:1 reinterpretAsUInt16:1
reinterpretAsUInt32:1 reinterpretAsUInt64:1 reinterpretAsInt8:1 reinterpretAsInt32:1 reinterpretAsInt64:1
reinterpretAsFloat32:1 reinterpretAsFloat64:1 reinterpretAsUUID:1 accurateCast:2 accurateCastOrNull:2 accurateCastOrDefault:2-3
parseDateTimeBestEffort:1-2 parseDateTimeBestEffortOrNull:1-2 parseDateTimeBestEffortOrZero:1-2 parseDateTime64BestEffort:1-3
parseDateTime64BestEffortOrNull:1-3 parseDateTimeBestEffortUS:1-2 parseDateTime:2-3 parseDateTimeOrNull:2-3
""")
JSON = family("""
JSONHas:1-* JSONLength:1-* JSONArrayLength:1 JSONType:1-* JSONExtract:2-* JSONExtractUInt:1-* JSONExtractInt:1-*
JSONExtractFloat:1-* JSONExtractBool:1-* JSONExtractString:1-* JSONExtractKeys:1-* JSONExtractRaw:1-*
JSONExtractArrayRaw:1-* JSONExtractKeysAndValues:2-* JSONExtractKeysAndValuesRaw:1-* JSON_VALUE:2 JSON_QUERY:2 JSON_EXISTS:2
isValidJSON:1 simpleJSONHas:2 simpleJSONExtractString:2 simpleJSONExtractInt:2 simpleJSONExtractUInt:2
simpleJSONExtractFloat:2 simpleJSONExtractBool:2 simpleJSONExtractRaw:2 jsonMergePatch:1-*
""")
HASHES = family("""
MD4:1 MD5:1 SHA1:1 SHA224:1 SHA256:1 SHA384:1 SHA512:1 sipHash64:1-* sipHash128:1-* cityHash64:1-* intHash32:1 intHash64:1
farmHash64:1-* farmFingerprint64:1-* javaHash:1 hiveHash:1 metroHash64:1-* jumpConsistentHash:2 murmurHash2_32:1-*
murmurHash2_64:1-* gccMurmurHash:1-* murmurHash3_32:1-* murmurHash3_64:1-* murmurHash3_128:1-* xxHash32:1-* xxHash64:1-*
halfMD5:1-* CRC32:1 CRC64:1 CRC32IEEE:1 bitmaskToArray:1 bitmaskToList:1
""")
URLS = family("""
protocol:1 domain:1 domainWithoutWWW:1 topLevelDomain:1 firstSignificantSubdomain:1 cutToFirstSignificantSubdomain:1
cutToFirstSignificantSubdomainWithWWW:1 port:1-2 path:1 pathFull:1 queryString:1 fragment:1 queryStringAndFragment:1
extractURLParameter:2 extractURLParameters:1 extractURLParameterNames:1 URLHierarchy:1 URLPathHierarchy:1 encodeURLComponent:1
decodeURLComponent:1 encodeURLFormComponent:1 decodeURLFormComponent:1 netloc:1 cutWWW:1 cutQueryString:1 cutFragment:1
cutQueryStringAndFragment:1 cutURLParameter:2
""")
NETWORK_AND_PLACES = family("""
IPv4NumToString:1 IPv4StringToNum:1 IPv4StringToNumOrNull:1 IPv4NumToStringClassC:1 IPv6NumToString:1 IPv6StringToNum:1
IPv4ToIPv6:1 cutIPv6:3 IPv4CIDRToRange:2 IPv6CIDRToRange:2 isIPv4String:1 isIPv6String:1 isIPAddressInRange:2
greatCircleDistance:4 geoDistance:4 greatCircleAngle:4 pointInEllipses:6-* pointInPolygon:2-* geohashEncode:2-3
geohashDecode:1 geohashesInBox:5 geoToH3:3 h3ToGeo:1 h3GetResolution:1 h3IsValid:1 h3ToParent:2 h3ToChildren:2 h3kRing:2
""")
UUIDS = family("""UUIDStringToNum:1-2 UUIDNumToString:1-2 UUIDv7ToDateTime:1-2""")
TUPLES = family("""
tuple:0-* tupleElement:2-3 tupleHammingDistance:2 tupleToNameValuePairs:1 tuplePlus:2 tupleMinus:2 tupleMultiply:2
tupleDivide:2 tupleNegate:1 tupleConcat:1-* dotProduct:2 L1Norm:1 L2Norm:1 LinfNorm:1 L1Distance:2 L2Distance:2
LinfDistance:2 cosineDistance:2
""")
MAPS = family("""
map:0-* mapFromArrays:2 mapAdd:2-* mapSubtract:2-* mapPopulateSeries:1-3 mapContains:2 mapContainsKey:2 mapKeys:1 mapValues:1
mapContainsKeyLike:2 mapExtractKeyLike:2 mapApply:2 mapFilter:2 mapUpdate:2 mapConcat:1-* mapExists:1-2 mapAll:1-2 mapSort:1-2
mapReverseSort:1-2
""")
OTHER = family("""
bar:3-4 identity:1 materialize:1 ignore:0-* toColumnTypeName:1 dumpColumnStructure:1
defaultValueOfArgumentType:1 rowNumberInAllBlocks:0 rowNumberInBlock:0 blockSize:0 finalizeAggregation:1
isConstant:1 indexHint:1-* bitPositionsToArray:1 getSubcolumn:2 range:1-3
""")

FAMILIES = (
    ARITHMETIC, COMPARISON, LOGICAL, CONDITIONAL, NULLS, NULL_TESTS, MATHS, STRINGS, SEARCH, CONVERSIONS, JSON, HASHES, URLS,
    NETWORK_AND_PLACES, UUIDS, TUPLES, MAPS, OTHER,
)  # fmt: skip
