package synthetic

import "strings"

// givenNames are common in Britain today, of every origin.
var givenNames = strings.Fields(`
Aaliyah Aaron Abigail Adam Adeel Adrian Agnieszka Ahmed Aidan Aisha Alan Alana Alexandra Alfie Alice Amara Amelia Amir
Amy Ana Andrei Andrew Angharad Anna Anthony Arjun Arthur Ava Ayesha Barbara Beatriz Benjamin Bethany Blessing Bogdan
Bronwen Callum Carys Catherine Charlie Chidi Chloe Christopher Ciara Claire Connor Craig Cristina Daisy Daniel Darren
David Dawid Deborah Denise Dominic Donna Dylan Edward Eleanor Elif Ella Emeka Emily Emma Ethan Evelyn Ewa Fatima
Finley Florence Fiona Freya Gareth Gemma George Grace Gurpreet Gwen Hamza Hannah Harjit Harry Hassan Heather Helen
Henry Holly Ibrahim Imogen Imran Ioana Isaac Isla Ivan Jack Jade Jakub James Jamila Jasmine Jason Jaspreet Jayden
Jennifer Joanna Jodie Joseph Joshua Julia Kamil Karen Katarzyna Keira Kelly Kenneth Kevin Kieran Kwame Kyle Lauren
Layla Leanne Lee Leon Lewis Liam Lily Logan Louise Lucy Luke Maja Malik Marcin Maria Marlon Martin Mason Matthew Maya
Megan Mei Michael Mihai Miriam Mohammed Molly Nadia Naomi Nathan Neha Niamh Nicola Nikhil Noah Olena Oliver Olivia
Omar Oscar Owen Patrick Paul Pawel Peter Philip Phoebe Piotr Poppy Priya Rachel Rania Rebecca Rhys Riley Robert Rosie
Ruby Ryan Safia Samuel Sandeep Sarah Scott Sean Shanice Shannon Sian Simon Simran Sofia Sophie Stefan Stephen Steven
Sunita Susan Tariq Tegan Theo Thomas Tomasz Toni Tracey Tyrone Uzma Victoria Wendy Wesley William Xin Yasmin Yusuf
Zainab Zara Zofia`)

// Family names are put together, so that a name with a record beside it is
// nobody's: a place that is not on the map, in two names of five behind a
// family name of any origin.
var (
	placeHeads = strings.Fields(`Alder Amber Barrow Bram Cald Corve Dun Elm Fen Garn Hal Hazel Hollin Ink Kes Lorn Mar Mere Nether Orle
Pell Quarr Raven Rush Sel Stret Tern Thistle Ulver Wain Wex Wren Yar`)
	placeTails = strings.Fields(`bourne by combe cott croft dale fold garth hollow hurst leigh low mere mond shaw stead thwaite wick wold worth`)
	firstParts = strings.Fields(`Adeyemi Ahmed Ali Appiah Balogun Begum Bhatti Bowen Byrne Chen Davies Dhillon Evans Fernandes Gallagher
Georgescu Griffiths Hughes Hussain Ionescu Iqbal Johal Kaczmarek Kaur Khan Kowalski Kumar Lewandowski Lloyd Mahmood Mensah Miah Nguyen
Nowak O'Brien O'Neill Okafor Owusu Patel Petrov Popescu Powell Pugh Rahman Rees Shah Sharma Singh Szymanski Vaughan Wozniak`)
)

// familyName makes up a family name.
func familyName(d draw) string {
	name := pick(d, placeHeads) + pick(d, placeTails)
	if d.chance(0.4) {
		return pick(d, firstParts) + "-" + name
	}
	return name
}
