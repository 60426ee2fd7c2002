// The names under which payloads of trackers tell their values: lower case, without separators, one line a meaning.
import type { MEANING } from './keys.ts';

export const NAMES: Readonly<Partial<Record<keyof typeof MEANING, string>>> = {
  latitude: 'latitude latitud lattitude latitudine breitengrad',
  longitude: 'longitude longitud longtitude longtitud logitude longitudine laengengrad langengrad',
  latitudeDeg: 'latitudedeg latdeg latitudedegrees latitudedd',
  longitudeDeg: 'longitudedeg lngdeg londeg longdeg longitudedegrees longitudedd',
  lat: 'lat',
  lng: 'lng lon long',
  gpsLat:
    'gpslat gnsslat positionlat locationlat poslat loclat fixlat positionlatitude locationlatitude gnsslatitude ' +
    'currentlat currentlatitude trackerlat trackerlatitude devicelat devicelatitude geolat geolatitude',
  gpsLng:
    'gpslon gpslng gpslong gnsslon gnsslng positionlon positionlng locationlon locationlng poslon poslng loclon loclng ' +
    'fixlon fixlng positionlongitude locationlongitude gnsslongitude currentlon currentlng currentlongitude trackerlon ' +
    'trackerlng trackerlongitude devicelon devicelng devicelongitude geolon geolng geolongitude',
  abeewayLat: 'gpslatitude',
  abeewayLng: 'gpslongitude',
  place:
    'location coordinates coordinate position gps gnss latlng latlon latlong lnglat lonlat longlat gpsposition gnssposition devicelocation trackerlocation currentlocation currentposition gpslocation gpscoordinates geolocation',
  accuracy:
    'horizontalaccuracy ehpe accuracy hacc gpsaccm gpsaccuracy gnssaccuracy positionaccuracy locationaccuracy accuracym haccuracy',
  acc: 'acc',
  altitude: 'altitude alt gpsalt gpsaltitude altm altitudem elevation',
  satellites:
    'satellites satellitecount satcount satcnt sats numsat numsats numsvs nsat nsats nbsat nbsats numbersatellitesused ' +
    'satellitesused numberofsatellites numsatellites satellitesinuse gpssatellites gnsssatellites usedsatellites',
  time:
    'timestamp time fixtime gpstime gnsstime utctime datetime eventtime collecttime frameisotime positiontime locationtime ' +
    'fixtimestamp gpstimestamp gnsstimestamp positiontimestamp recordedat measuredat acquiredat timeiso isotime date utc',
  age: 'age positionage fixage gpsage locationage',
  speedKmh: 'speedkmph speedkmh speedkph groundspeedkmph groundspeedkmh gpsspeedkmh gpsspeedkmph',
  speedMs: 'speedmps groundspeedmps gpsspeedmps',
  speedMms: 'speedmmps groundspeedmmps speedmms gspeedmms',
  speedKnots: 'speedknots speedkn',
  abeewaySpeed: 'gpsspeedoverground',
  abeewayCourse: 'gpscourseoverground',
  sog: 'sog',
  cog: 'cog',
  headingDeg: 'headingdeg headingdegrees coursedeg directiondeg',
  heading: 'heading course bearing courseoverground',
  speed: 'speed',
  fixFailed: 'fixfailed gpsfixfailed gnssfixfailed positionfailed nofix fixinvalid gpsfailed gnssfailed',
  fixValid: 'fixvalid validfix gpsvalid gnssvalid positionvalid locationvalid hasfix gpsfix isfixed gpsfixed gnssfixed',
  fixText:
    'gpsfixstatus fixstatus gnssfixstatus gnssstatus gpsstatus fix fixtype gpsfixtype positionstatus locationstatus ' +
    'positioningstatus lastfix fixresult positionresult packtype',
  status: 'status',
  technology:
    'rawpositiontype positiontype positioningtype fixtech locationtype positionsource locationsource positionmethod ' +
    'fixtechnology positiontechnology locationmethod',
  gnssFix: 'gnssfix',
  batteryPercent:
    'batterylevel batterypercent batterypercentage batterypct batterylevelpercent batteryremaining batpct batpercent ' +
    'battpct battpercent battlevel batlevel stateofcharge',
  batteryBare: 'battery batterystate',
  charging:
    'batterystatus charging ischarging batterycharging batteryischarging chargingstatus chargestatus chargingstate',
  temperatureC:
    'temperature temperaturemeasure temp tem tempc temperaturec airtemperature airtemp ambienttemperature tempcelsius ' +
    'temperaturecelsius tempdegc',
  temperatureF: 'tempf temperaturef temperaturefahrenheit',
  temperatureK: 'tempk temperaturek temperaturekelvin',
  humidity: 'humidity hum relativehumidity relhumidity rh airhumidity humiditypercent humidityrh',
  pressureHpa: 'pressurehpa barometricpressure barometer pressurembar airpressurehpa barometricpressurehpa',
  pressurePa: 'pressurepa',
  pressureKpa: 'pressurekpa',
  pressure: 'pressure airpressure atmosphericpressure',
  moving:
    'moving ismoving inmotion inmovement ismovement dynamicmotionstate motionstatus motionstate movementstatus transport motion',
  stationary: 'stationary isstationary deviceisstationary static isstatic',
  tampered: 'tampered istampered deviceistampered tamper tamperalarm tamperalert tamperstatus tamperdetected',
  attached: 'attached isattached deviceisattached attachstatus',
  detached: 'detached isdetached detachalarm detachstatus',
  latDirection:
    'latdir latdirection latitudedir latitudedirection latns ns nsindicator northsouth lathemisphere latitudehemisphere',
  lngDirection:
    'londir londirection lngdir lngdirection longdir longitudedir longitudedirection lonew lngew ew ewindicator eastwest ' +
    'lonhemisphere longitudehemisphere',
  messages: 'messages',
  device: 'deveui deviceeui',
  hexEcho: 'payloadencoded rawhex payloadhex bytes',
  keep: 'fport fcntup messagetype',
};
