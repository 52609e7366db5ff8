"""Sample calls for the demo, with their truth; origin and licences in LICENSE.md."""
