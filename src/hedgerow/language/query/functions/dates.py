"""Functions of dates, times, intervals and time windows."""

from hedgerow.language.query.functions.table import family

DATES = family("""
now:0-1 now64:0-2 today:0 yesterday:0 NOW=now:0-1 current_timestamp=now:0-1 toTimeZone:2 timeZoneOf:1 timeZoneOffset:1
timezone:0 toYear:1-2 toQuarter:1-2 toMonth:1-2 toDayOfYear:1-2 toDayOfMonth:1-2 toDayOfWeek:1-3 toHour:1-2 toMinute:1-2
toSecond:1-2 toMillisecond:1-2 toUnixTimestamp:1-2 toUnixTimestamp64Milli:1 toUnixTimestamp64Micro:1 toUnixTimestamp64Nano:1
fromUnixTimestamp:1-3 fromUnixTimestamp64Milli:1-2 fromUnixTimestamp64Micro:1-2 fromUnixTimestamp64Nano:1-2
toStartOfInterval:2-4 toStartOfYear:1-2 toStartOfISOYear:1-2 toStartOfQuarter:1-2 toStartOfMonth:1-2 toLastDayOfMonth:1-2
toMonday:1-2 toStartOfWeek:1-3 toLastDayOfWeek:1-3 toStartOfDay:1-2 toStartOfHour:1-2 toStartOfMinute:1-2
toStartOfSecond:1-2 toStartOfMillisecond:1-2 toStartOfFiveMinutes:1-2 toStartOfTenMinutes:1-2 toStartOfFifteenMinutes:1-2
toTime:1-2 toRelativeYearNum:1-2 toRelativeQuarterNum:1-2 toRelativeMonthNum:1-2 toRelativeWeekNum:1-2 toRelativeDayNum:1-2
toRelativeHourNum:1-2 toRelativeMinuteNum:1-2 toRelativeSecondNum:1-2 toISOYear:1-2 toISOWeek:1-2 toWeek:1-3 toYearWeek:1-3
toYYYYMM:1-2 toYYYYMMDD:1-2 toYYYYMMDDhhmmss:1-2 YYYYMMDDToDate:1 YYYYMMDDhhmmssToDateTime:1-2 age:3-4 dateDiff:3-4
date_diff=dateDiff:3-4 datediff=dateDiff:3-4 dateTrunc:2-3 date_trunc=dateTrunc:2-3 dateAdd=plus:2 date_add=plus:2
dateSub=minus:2 date_sub=minus:2 timestampAdd=plus:2 timestampSub=minus:2 addYears:2 addQuarters:2
addMonths:2 addWeeks:2 addDays:2 addHours:2 addMinutes:2 addSeconds:2 addMilliseconds:2 addMicroseconds:2 addInterval:2
subtractYears:2 subtractQuarters:2 subtractMonths:2 subtractWeeks:2 subtractDays:2 subtractHours:2 subtractMinutes:2
subtractSeconds:2 subtractMilliseconds:2 subtractInterval:2 timeSlot:1-2 timeSlots:2-3 formatDateTime:2-3
formatDateTimeInJodaSyntax:2-3 dateName:2-3 monthName:1 fromDaysSinceYearZero:1 toDaysSinceYearZero:1-2 makeDate:2-3
makeDate32:2-3 makeDateTime:6-7 makeDateTime64:6-9 toDate32:1 toDate32OrNull:1 toDateOrNull:1-2 toDateOrZero:1
toDateTimeOrNull:1-2 toDateTimeOrZero:1-2 toDateTime32:1-2 toDateTime64:2-3 toDateTime64OrNull:1-3 changeYear:2 changeMonth:2
changeDay:2 changeHour:2 changeMinute:2 changeSecond:2 toModifiedJulianDay:1 fromModifiedJulianDay:1
year=toYear:1 month=toMonth:1 quarter=toQuarter:1 day=toDayOfMonth:1 dayofmonth=toDayOfMonth:1 dayofweek=toDayOfWeek:1-3
dayofyear=toDayOfYear:1 hour=toHour:1 minute=toMinute:1 second=toSecond:1 week=toWeek:1-3 last_day=toLastDayOfMonth:1
UTCTimestamp:0 utc_timestamp=UTCTimestamp:0 str_to_date=parseDateTimeOrNull:2-3 date_format=formatDateTime:2-3
date=toDate:1 serverTimezone=timezone:0
""")
INTERVALS = family("""
toIntervalNanosecond:1 toIntervalMicrosecond:1 toIntervalMillisecond:1 toIntervalSecond:1 toIntervalMinute:1 toIntervalHour:1
toIntervalDay:1 toIntervalWeek:1 toIntervalMonth:1 toIntervalQuarter:1 toIntervalYear:1
""")
WINDOWS = family("""tumble:2-3 hop:3-4 tumbleStart:1-3 tumbleEnd:1-3 hopStart:1-4 hopEnd:1-4""")

FAMILIES = (DATES, INTERVALS, WINDOWS)
