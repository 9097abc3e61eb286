/* control-pace.c - how much of the loop the clients of the control socket get. As much as they like
 * while nobody else needs it; when others have events, too, a fifth: after each piece of work
 * nothing is begun for four times as long as it took. In a round each client gets one piece.
 *
 * So who asks for everything, again and again, is slower himself, and clients of services hardly are. */
#include "control-internal.h"

#include "base.h"
#include "clock.h"

#define REST       4         /* times as long as the work */
#define REST_LEAST NS_PER_MS /* less is saved up: the loop waits in milliseconds */
#define REST_MOST  (50 * NS_PER_MS)

static uint64_t current_round(const struct control *control)
{
	return loop_statistics(control->loop).rounds + 1;
}

/* A rest begins with the next round: until then each client has its turn. */
bool control_may_work(const struct control *control)
{
	return !control->pace.resting || control->pace.round == current_round(control);
}

/* Clients look again at what they wait for. */
static void settle_all(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i] != NULL && !control->clients[i]->broken)
			control_client_settle(control->clients[i]);
}

static void rest_over(struct loop_timer *timer)
{
	struct control *control = container_of(timer, struct control, pace.timer);

	control->pace.resting = false;
	control->pace.debt_ns = 0;
	control->pace.own++;
	settle_all(control);
}

void control_pace_begin(struct control *control)
{
	control->pace = (struct control_pace){ .timer.expired = rest_over };
}

void control_pace_end(struct control *control)
{
	loop_disarm(control->loop, &control->pace.timer);
}

static bool others_are_active(struct control_pace *pace, uint64_t events)
{
	bool active = events - pace->events > pace->own;

	pace->events = events;
	pace->own = 0;
	return active;
}

void control_worked(struct control *control, uint64_t began_ns)
{
	struct control_pace *pace = &control->pace;
	struct loop_statistics statistics = loop_statistics(control->loop);
	uint64_t now_ns = clock_now_ns();

	if (pace->round != statistics.rounds + 1) {
		pace->round = statistics.rounds + 1;
		pace->busy = others_are_active(pace, statistics.events);
	}
	if (!pace->busy)
		return;
	pace->debt_ns += REST * (now_ns - began_ns);
	if (pace->debt_ns < REST_LEAST)
		return;
	pace->resting = loop_arm(control->loop, &pace->timer,
				 now_ns + (pace->debt_ns < REST_MOST ? pace->debt_ns : REST_MOST)) == 0;
}
