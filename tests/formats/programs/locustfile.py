"""What locust runs for the samples: two kinds of requests, one of which fails."""

from locust import FastHttpUser, constant, task


class Buyer(FastHttpUser):
    wait_time = constant(0.01)

    @task(3)
    def read(self):
        self.client.get("/items")

    @task(1)
    def broken(self):
        self.client.get("/broken")
