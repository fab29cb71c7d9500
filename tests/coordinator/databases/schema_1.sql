-- A database as schema 1 was, with something of everything.
PRAGMA application_id = 1868981859;
BEGIN TRANSACTION;
CREATE TABLE bundles (
	sha256 VARCHAR(64) NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (sha256)
);
INSERT INTO "bundles" VALUES('7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed',X'6F6E65');
INSERT INTO "bundles" VALUES('874f16cd40154e52f0ff8f2c0b01960cb1f643e6ef4e0092342906d0b79f8966',X'74776F2031');
INSERT INTO "bundles" VALUES('0a37c70c6d8819b38aec38e23e1e71d179b4c6d5bb4be7b9a2174f77cb9df41a',X'74776F2032');
CREATE TABLE events (
	number INTEGER NOT NULL, 
	host VARCHAR(63) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	received VARCHAR(20) NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "events" VALUES(1,'off1','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','2026-01-02T12:00:00Z',X'6576656E74');
CREATE TABLE meta (
	name VARCHAR(32) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('schema','1');
INSERT INTO "meta" VALUES('rollout','{"serial": 2}');
CREATE TABLE observations (
	host VARCHAR(63) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	observed VARCHAR(20) NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (host)
);
INSERT INTO "observations" VALUES('off1','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-01-02T12:00:00Z',X'7365656E');
CREATE TABLE release_hosts (
	serial BIGINT NOT NULL, 
	host VARCHAR(63) NOT NULL, 
	bundle_sha256 VARCHAR(64), 
	PRIMARY KEY (serial, host), 
	FOREIGN KEY(serial) REFERENCES releases (serial), 
	FOREIGN KEY(bundle_sha256) REFERENCES bundles (sha256) ON DELETE SET NULL
);
INSERT INTO "release_hosts" VALUES(1,'off1','7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed');
INSERT INTO "release_hosts" VALUES(1,'off2','874f16cd40154e52f0ff8f2c0b01960cb1f643e6ef4e0092342906d0b79f8966');
INSERT INTO "release_hosts" VALUES(2,'off1','7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed');
INSERT INTO "release_hosts" VALUES(2,'off2','0a37c70c6d8819b38aec38e23e1e71d179b4c6d5bb4be7b9a2174f77cb9df41a');
CREATE TABLE releases (
	serial BIGINT NOT NULL, 
	manifest_sha256 VARCHAR(64) NOT NULL, 
	envelope BLOB NOT NULL, 
	published VARCHAR(20) NOT NULL, 
	operator VARCHAR(63) NOT NULL, 
	PRIMARY KEY (serial)
);
INSERT INTO "releases" VALUES(1,'0000000000000000000000000000000000000000000000000000000000000001',X'656E76656C6F70652031','2026-01-02T12:00:00Z','desk');
INSERT INTO "releases" VALUES(2,'0000000000000000000000000000000000000000000000000000000000000002',X'656E76656C6F70652032','2026-01-02T12:00:00Z','desk');
CREATE TABLE reports (
	number INTEGER NOT NULL, 
	host VARCHAR(63) NOT NULL, 
	stream VARCHAR(64) NOT NULL, 
	sequence BIGINT NOT NULL, 
	received VARCHAR(20) NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "reports" VALUES(1,'off1','s',1,'2026-01-02T12:00:00Z',X'7265706F72742031');
INSERT INTO "reports" VALUES(2,'off1','s',2,'2026-01-02T12:00:00Z',X'7265706F72742032');
CREATE UNIQUE INDEX events_once ON events (host, digest);
CREATE INDEX events_of_host ON events (host, number);
CREATE INDEX reports_of_host ON reports (host, number);
CREATE UNIQUE INDEX reports_in_order ON reports (host, stream, sequence);
CREATE INDEX ix_release_hosts_bundle_sha256 ON release_hosts (bundle_sha256);
COMMIT;
