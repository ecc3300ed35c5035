"""Console: pages by which operators see and steer everything, served at /console by the API's process."""
