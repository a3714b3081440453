-- The events as tables. The JSON lines of each topic are in `raw`: topic, when it was appended, value.
CREATE TABLE person (seq INTEGER, id INTEGER PRIMARY KEY, name TEXT, emailAddress TEXT,
  creditCard TEXT, city TEXT, state TEXT, dateTime INTEGER, extra TEXT);
CREATE TABLE auction (seq INTEGER, id INTEGER PRIMARY KEY, itemName TEXT, description TEXT,
  initialBid INTEGER, reserve INTEGER, dateTime INTEGER, expires INTEGER, seller INTEGER,
  category INTEGER, extra TEXT);
CREATE TABLE bid (seq INTEGER PRIMARY KEY, auction INTEGER, bidder INTEGER, price INTEGER,
  channel TEXT, url TEXT, dateTime INTEGER, extra TEXT, appended INTEGER);

INSERT INTO person SELECT value ->> 'seq', value ->> 'id', value ->> 'name',
  value ->> 'emailAddress', value ->> 'creditCard', value ->> 'city', value ->> 'state',
  value ->> 'dateTime', value ->> 'extra' FROM raw WHERE topic = 'nexmark.person';
INSERT INTO auction SELECT value ->> 'seq', value ->> 'id', value ->> 'itemName',
  value ->> 'description', value ->> 'initialBid', value ->> 'reserve', value ->> 'dateTime',
  value ->> 'expires', value ->> 'seller', value ->> 'category', value ->> 'extra'
  FROM raw WHERE topic = 'nexmark.auction';
INSERT INTO bid SELECT value ->> 'seq', value ->> 'auction', value ->> 'bidder', value ->> 'price',
  value ->> 'channel', value ->> 'url', value ->> 'dateTime', value ->> 'extra', appended
  FROM raw WHERE topic = 'nexmark.bid';
CREATE INDEX bid_by_auction ON bid (auction, dateTime);

-- What an auction closed with: its highest bid between its opening and its end, the earliest of those.
CREATE VIEW winning AS
SELECT * FROM (
  SELECT a.id, a.itemName, a.description, a.initialBid, a.reserve, a.dateTime, a.expires, a.seller,
    a.category, a.extra, b.auction, b.bidder, b.price, b.dateTime AS bid_dateTime,
    b.extra AS bid_extra,
    row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.dateTime, b.seq) AS place
  FROM auction a JOIN bid b ON b.auction = a.id AND b.dateTime BETWEEN a.dateTime AND a.expires)
WHERE place = 1;
