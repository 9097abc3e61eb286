/* sources - what the gate costs for each client, and what it keeps in mind, while one
 * hand has all addresses of an IPv6 /32: a library in this process, no sockets.
 *
 * Honest sources come first, from neighbourhoods of their own; half of them have a session that
 * lasts. Then the attacker comes from COUNT different networks of 64 bits, each client admitted,
 * served and gone. Prints one line of key=value. `worst` is the slowest run of 1000 decisions, an
 * interrupted one included; a decision is gate_check(), gate_take() and gate_give(). */
#include "base.h"
#include "gate.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { HONEST = 1000, CHUNK = 1000 };

struct bench {
	struct gate gate;
	struct gate_limits limits;
	struct gate_service service;
	uint64_t random, now_ns;
	uint64_t refused;
};

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* xorshift64*: repeatable, and nothing beside what is measured. */
static uint64_t next_random(struct bench *bench)
{
	bench->random ^= bench->random >> 12;
	bench->random ^= bench->random << 25;
	bench->random ^= bench->random >> 27;
	return bench->random * UINT64_C(2685821657736338717);
}

/* Resident memory in KiB, exact. */
static long resident_kib(void)
{
	_cleanup_file_ FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib = -1;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Rss: %ld", &kib) == 1)
			break;
	return kib;
}

static struct peer honest_peer(unsigned number)
{
	struct peer peer = {.family = PEER_IPV6, .port = 40000, .ip = {0x2a}};

	peer.ip[1] = (uint8_t)(number % 50); /* in each of 50 neighbourhoods 20 of them */
	peer.ip[6] = (uint8_t)(number >> 8);
	peer.ip[7] = (uint8_t)number;
	return peer;
}

/* One of 2^32 networks of 64 bits in 2001:db8::/32, in an order that never repeats one. */
static struct peer attacker_peer(struct bench *bench, uint32_t number)
{
	struct peer peer = {.family = PEER_IPV6, .port = 40000, .ip = {0x20, 0x01, 0x0d, 0xb8}};
	uint32_t network = number * UINT32_C(2654435761); /* odd: one to one */
	uint64_t host = next_random(bench);

	memcpy(peer.ip + 4, &network, sizeof(network));
	memcpy(peer.ip + 8, &host, sizeof(host));
	return peer;
}

static struct gate_client client_of(const struct bench *bench, const struct peer *peer)
{
	return (struct gate_client){.peer = peer, .proven = true, .now_ns = bench->now_ns};
}

static void bench_prepare(struct bench *bench)
{
	bench->random = UINT64_C(88172645463325252);
	bench->now_ns = 1000 * NS_PER_S;
	bench->limits = (struct gate_limits){
		.instances = 4000,
		.per_source = 8,
		.rate_per_source = {.count = 50, .burst = 50, .per_ns = NS_PER_S},
		.source_prefix = {.ipv4 = 32, .ipv6 = 64},
		.ban_ns = 60 * NS_PER_S,
	};
	bench->service = (struct gate_service){.limits = &bench->limits, .id = 1, .instances = 4000};
	bench->gate.max_sessions = 4000;
}

static void serve(struct bench *bench, const struct peer *peer)
{
	struct gate_client client = client_of(bench, peer);

	if (gate_check(&bench->gate, &bench->service, &client) == GATE_ADMIT)
		gate_give(&bench->gate, &bench->service, gate_take(&bench->gate, &bench->service, &client));
	else
		bench->refused++;
}

/* Honest clients: those with an odd number stay. */
static void serve_honest(struct bench *bench)
{
	for (unsigned i = 0; i < HONEST; i++) {
		struct peer peer = honest_peer(i);
		struct gate_client client = client_of(bench, &peer);

		if (i % 2 == 0)
			serve(bench, &peer);
		else if (gate_check(&bench->gate, &bench->service, &client) == GATE_ADMIT)
			(void)gate_take(&bench->gate, &bench->service, &client);
	}
}

static unsigned honest_kept(struct bench *bench)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < HONEST; i++) {
		struct peer peer = honest_peer(i);
		struct peer_key key = gate_source_key(&bench->service, &peer);

		kept += source_find(bench->gate.sources, bench->service.id, &key) != NULL;
	}
	return kept;
}

/* Returns nanoseconds a decision; `worst_ns` of the slowest 1000. */
static double attack(struct bench *bench, uint32_t count, double *worst_ns)
{
	uint64_t total = 0, slowest = 0;

	for (uint32_t done = 0; done < count; done += CHUNK) {
		struct peer peers[CHUNK];
		uint64_t begin;

		for (uint32_t i = 0; i < CHUNK; i++)
			peers[i] = attacker_peer(bench, done + i);
		begin = clock_ns();
		for (uint32_t i = 0; i < CHUNK; i++) {
			serve(bench, &peers[i]);
			bench->now_ns += NS_PER_MS / 10;
		}
		begin = clock_ns() - begin;
		total += begin;
		slowest = begin > slowest ? begin : slowest;
	}
	*worst_ns = (double)slowest / CHUNK;
	return (double)total / (double)(count / CHUNK * CHUNK);
}

/* One source again and again: what a decision costs when nothing has to make room. */
static double one_source(struct bench *bench, uint32_t count)
{
	struct peer peer = honest_peer(0);
	uint64_t begin = clock_ns();

	for (uint32_t i = 0; i < count; i++) {
		serve(bench, &peer);
		bench->now_ns += NS_PER_S / 10;
	}
	return (double)(clock_ns() - begin) / count;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	double one, ns, worst;
	long before, honest, after;

	if (argc > 2 || count < CHUNK || count > UINT32_MAX) {
		fputs("usage: sources [COUNT]\n", stderr);
		return 64;
	}
	bench_prepare(&bench);
	before = resident_kib();
	if (sources_new(0, (const uint64_t[4]){3, 5, 7, 11}, &bench.gate.sources) < 0) {
		perror("sources");
		return 71;
	}
	serve_honest(&bench);
	honest = resident_kib();
	one = one_source(&bench, 100000);
	bench.refused = 0;
	ns = attack(&bench, (uint32_t)count, &worst);
	after = resident_kib();
	printf("sources=%lu one_ns=%.0f ns=%.0f worst_ns=%.0f refused=%llu honest=%u honest_kept=%u entries=%zu "
	       "start_kib=%ld honest_kib=%ld end_kib=%ld\n",
	       count, one, ns, worst, (unsigned long long)bench.refused, HONEST, honest_kept(&bench),
	       sources_count(bench.gate.sources), before, honest, after);
	sources_free(bench.gate.sources);
	return 0;
}
